// A NestJS application. With HOOKS=1 it has shutdown hooks, by which NestJS listens for SIGTERM itself.
import { createRequire } from 'node:module';

// The working directory has the packages.
const load = createRequire(`${process.cwd()}/`);
load('reflect-metadata');
const { Controller, Get, Module } = load('@nestjs/common');
const { NestFactory } = load('@nestjs/core');

class AppController {
  hello() {
    return 'Hello';
  }

  async onApplicationShutdown(signal) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    console.log(`shut down by ${signal}`);
  }
}
// By calls, because this is no TypeScript.
const hello = Object.getOwnPropertyDescriptor(AppController.prototype, 'hello');
Get()(AppController.prototype, 'hello', hello);
Controller()(AppController);

class AppModule {}
Module({ controllers: [AppController] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error'] });
if (process.env.HOOKS) app.enableShutdownHooks();
await app.listen(process.env.PORT);
