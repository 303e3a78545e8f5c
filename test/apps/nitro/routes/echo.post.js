import { eventHandler, readRawBody } from 'h3';

export default eventHandler((event) => readRawBody(event));
