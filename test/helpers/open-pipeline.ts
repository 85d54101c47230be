import type { TestContext } from 'node:test';
import type { WakePipelineOptions } from '#core/connection-request/wake/wake-options.js';
import { WakePipeline } from '#core/connection-request/wake/wakes.js';
import { cpeCredentials } from './cpe-doubles/conversation.js';

/** A pipeline for the length of one test, which keeps no time between wakes and knows the credentials of the doubles. */
export function openPipeline(t: TestContext, options: WakePipelineOptions = {}): WakePipeline {
  const pipeline = new WakePipeline({ credentials: cpeCredentials, spacingMs: 0, ...options });
  t.after(() => pipeline.close());
  return pipeline;
}
