// A server that tells each client which unit the client is of.
//
//   asker.mjs PATH
//
// It answers systemd's requests for credentials at once, by the unit and the name of the credential. Any other client gets
// an answer to its first byte, as JSON.
import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { notify } from 'libsystemd';
import { credentialRequest, peerUnit } from 'libsystemd/environment';

const [, , path] = process.argv;

createServer((socket) => {
  socket.on('error', () => undefined);
  const request = credentialRequest(socket);
  if (request !== undefined) return socket.end(`${request.name} of ${request.unit}`);
  return socket.once('data', () => {
    const units = [peerUnit(socket), peerUnit(socket, { manager: 'user' })];
    socket.end(JSON.stringify(units.map((unit) => unit ?? null)));
  });
}).listen(path, () => {
  chmodSync(path, 0o666);
  notify.ready();
});
