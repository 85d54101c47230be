import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CwmpProxyError } from '@cwmp-proxy/core';

test('an error carries its code, the status for the peer and its cause', () => {
  const cause = new Error('why');
  const error = new CwmpProxyError('ERR_CWMP_OPTION', 'backends: expected at least one URL', { cause });
  assert.equal(error.code, 'ERR_CWMP_OPTION');
  assert.equal(error.statusCode, 500);
  assert.equal(error.cause, cause);
  assert.equal(error.name, 'CwmpProxyError');
});
