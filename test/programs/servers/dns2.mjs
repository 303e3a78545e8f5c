import dns from 'dns2';
import { serve } from 'libsystemd';

const { servers } = dns.createServer({
  udp: true,
  tcp: true,
  handle(request, send) {
    const response = dns.Packet.createResponseFromRequest(request);
    const [{ name }] = request.questions;
    const { A } = dns.Packet.TYPE;
    response.answers.push({ name, type: A, class: 1, ttl: 1, address: '192.0.2.1' });
    send(response);
  },
});
const fallback = { port: 5353 };
await serve([
  { server: servers.udp, fallback },
  { server: servers.tcp, fallback },
]);
