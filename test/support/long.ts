/**
 * Whether this is `npm run test:long`: more rounds of what happens seldom, such as races. `npm test` has as many as
 * show that a behaviour is there.
 */
export const LONG = process.env.TEST_LONG === '1';
