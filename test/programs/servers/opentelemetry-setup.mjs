import { register } from 'node:module';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { NodeSDK, tracing } from '@opentelemetry/sdk-node';

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
export const sdk = new NodeSDK({
  instrumentations: [new HttpInstrumentation()],
  traceExporter: new tracing.ConsoleSpanExporter(),
  metricReaders: [], // by default one that exports to a collector, for which shutdown() waits 10 seconds
});
sdk.start();
