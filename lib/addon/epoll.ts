// The events of epoll(7), with the numbers of epoll_ctl(2). EPOLLERR and EPOLLHUP are always reported.
export const EPOLLIN = 1;
export const EPOLLPRI = 2;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;

/** An event is reported once, and the watch goes on. */
export const EPOLLET = 1 << 31;
