import 'reflect-metadata';
import { Body, Controller, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { serve } from 'libsystemd';

// Without TypeScript a decorator is a function that is called with what it decorates.
class EchoController {
  echo(body) {
    return body;
  }
}
Controller()(EchoController);
const echo = Object.getOwnPropertyDescriptor(EchoController.prototype, 'echo');
Post()(EchoController.prototype, 'echo', echo);
Body()(EchoController.prototype, 'echo', 0);
class AppModule {}
Module({ controllers: [EchoController] })(AppModule);

const app = await NestFactory.create(AppModule);
await app.init();
await serve(app.getHttpServer(), { fallback: { port: 3000 }, stop: () => app.close() });
