// Clients of DNS, which send nothing again: two in three over UDP, the others over TCP, with a connection each.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { buffer } from 'node:stream/consumers';
import dns from 'dns2';

export function connect(target, index) {
  return index % 3 === 2 ? connectByTcp(target) : connectByUdp(target);
}

function makeQuestion() {
  const packet = new dns.Packet();
  packet.header.id = Math.floor(Math.random() * 65_536);
  packet.header.rd = 1;
  packet.questions.push({ name: 'example.org', type: dns.Packet.TYPE.A, class: 1 });
  return packet;
}

function check(question, answer) {
  const { header, answers } = dns.Packet.parse(answer);
  if (header.id !== question.header.id || answers[0]?.address !== '192.0.2.1') {
    throw new Error(`Received ${answer.toString('hex')}`);
  }
}

function connectByUdp({ host, port }) {
  const socket = createSocket('udp4');
  return {
    async exchange() {
      const question = makeQuestion();
      socket.send(question.toBuffer(), port, host);
      const [answer] = await once(socket, 'message');
      check(question, answer);
    },
    end: () => socket.close(),
  };
}

function connectByTcp({ host, port }) {
  return {
    async exchange() {
      const question = makeQuestion();
      const bytes = question.toBuffer();
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      const socket = connectTcp(port, host);
      socket.end(Buffer.concat([length, bytes]));
      check(question, (await buffer(socket)).subarray(2));
    },
    end() {},
  };
}
