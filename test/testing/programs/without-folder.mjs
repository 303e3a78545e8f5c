// Starts a daemon where the working directory of this process is deleted.
import { start } from 'libsystemd/testing';

const daemon = ['/bin/sh', '-c', 'sleep 60'];
await start(daemon, { type: 'exec' }).catch(({ message }) => console.log(message));
const unit = await start(daemon, { type: 'exec', cwd: '/' });
console.log(unit.state);
await unit.stop();
