// Starts a daemon, and prints why it could not.
import { start } from 'libsystemd/testing';

try {
  const unit = await start(['/bin/sleep', '600'], { type: 'exec' });
  await unit.stop();
} catch (error) {
  console.log(error.code, error.message);
}
