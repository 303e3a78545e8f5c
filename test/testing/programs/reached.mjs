// Starts a daemon that gives up its privileges, connects to its sockets, and sends a message.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from 'libsystemd/testing';

const source = `
import os, signal, socket, sys
if os.getuid() == 0: os.setgid(65534); os.setuid(65534)
for path in sys.argv[1], os.environ['NOTIFY_SOCKET'].replace('/notify', '/sockets/near'):
  socket.socket(socket.AF_UNIX).connect(path)
message = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
message.connect(os.environ['NOTIFY_SOCKET'])
message.send(b'READY=1\\nSTATUS=a message, two connections')
signal.pause()
`;
const folder = mkdtempSync(join(tmpdir(), 'libsystemd-'));
chmodSync(folder, 0o755);
const path = join(folder, 'of/parents/far.sock');
try {
  const unit = await start(['/usr/bin/env', 'python3', '-c', source, path], {
    sockets: { near: 'unix', far: path },
    cwd: '/',
  });
  console.log(`${unit.state}: ${unit.status}`);
  await unit.stop();
} finally {
  rmSync(folder, { recursive: true });
}
