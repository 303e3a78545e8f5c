// Clients that announce a torrent: one in two over HTTP, the others over UDP (BEP 15), which send nothing again.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { buffer } from 'node:stream/consumers';

const UDP_MAGIC = 0x41727101980n;
const infoHash = Buffer.alloc(20, 'h');

export function connect(target, index) {
  const peerId = Buffer.from(`-TEST-${index}`.padEnd(20, '-'));
  return index % 2 ? connectUdp(target, peerId) : connectHttp(target, peerId);
}

function connectHttp({ host, port }, peerId) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const query = `info_hash=${infoHash}&peer_id=${peerId}&port=6881&uploaded=0&downloaded=0&left=1&compact=1`;
  return {
    async exchange() {
      const [response] = await once(
        request({ agent, host, port, path: `/announce?${query}` }).end(),
        'response',
      );
      const received = String(await buffer(response));
      if (!received.includes('8:interval')) throw new Error(`Received ${received}`);
    },
    end: () => agent.destroy(),
  };
}

function connectUdp({ host, port }, peerId) {
  const socket = createSocket('udp4');
  let transaction = 0;
  const send = async (connection, action, rest) => {
    const head = Buffer.alloc(16);
    head.writeBigUInt64BE(connection);
    head.writeUInt32BE(action, 8);
    head.writeUInt32BE(++transaction, 12);
    socket.send(Buffer.concat([head, rest]), port, host);
    const [answer] = await once(socket, 'message');
    if (answer.readUInt32BE(0) !== action || answer.readUInt32BE(4) !== transaction) {
      throw new Error(`Received ${answer.toString('hex')}`);
    }
    return answer;
  };
  return {
    async exchange() {
      const connection = (await send(UDP_MAGIC, 0, Buffer.alloc(0))).readBigUInt64BE(8);
      const rest = Buffer.alloc(42);
      rest.writeInt32BE(-1, 34); // as many peers as there are
      rest.writeUInt16BE(6881, 38);
      await send(connection, 1, Buffer.concat([infoHash, peerId, rest.subarray(0, 42)]));
    },
    end: () => socket.close(),
  };
}
