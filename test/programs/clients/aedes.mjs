// Clients of MQTT, which publish with QoS 1 and connect again by themselves. What was not acknowledged is sent again.
import { connectAsync } from 'mqtt';

export async function connect({ host, port }) {
  const client = await connectAsync(`mqtt://${host}:${port}`, { reconnectPeriod: 50 });
  client.on('error', () => {}); // it connects again
  return {
    exchange: (words) => client.publishAsync('echo', words, { qos: 1 }),
    end: () => client.endAsync(),
  };
}
