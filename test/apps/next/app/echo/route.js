import { setTimeout as sleep } from 'node:timers/promises';
import { after } from 'next/server';

export async function POST(request) {
  // Runs after the response. The service has to wait for it when it stops.
  after(async () => {
    await sleep(1_000);
    console.log('done after the response');
  });
  return new Response(await request.text());
}
