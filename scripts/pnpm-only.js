// Before a package is packed: only pnpm writes versions in place of `workspace:^`, which nobody could install from a registry.
if (!process.env.npm_config_user_agent?.startsWith('pnpm/')) {
  console.error('pack and publish with pnpm: npx pnpm@12.21.0 --recursive publish');
  process.exitCode = 1;
}
