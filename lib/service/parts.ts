// ServiceParts: the objects that the start, the reloads and the stop of one running service share.
import type { Hooks } from '../base/hooks.ts';
import type { Backend } from './backend.ts';
import type { TakenServeOptions } from './check-options.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { StatusText } from './status-text.ts';
import type { Upstream } from './upstream.ts';

export interface ServiceParts {
  readonly options: TakenServeOptions;
  /** True in a cluster worker, whether its primary runs serve() or not. */
  readonly isWorker: boolean;
  readonly lifecycle: Lifecycle;
  readonly backend: Backend;
  readonly upstream: Upstream;
  readonly hooks: Hooks;
  readonly status: StatusText;
}
