import Server from 'bittorrent-tracker/server';
import { serve } from 'libsystemd';

const tracker = new Server({ ws: false });
const fallback = { port: 8000 };
await serve(
  [
    { server: tracker.http, fallback },
    { server: tracker.udp4, fallback },
  ],
  { stop: () => tracker.close() },
);
