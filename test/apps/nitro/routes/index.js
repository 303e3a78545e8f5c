import { eventHandler } from 'h3';
export default eventHandler(() => `It is ${new Date().toISOString()}`);
