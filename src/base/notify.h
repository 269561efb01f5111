/* What a program tells systemd about itself: it is ready, it still turns, it ends. Without NOTIFY_SOCKET everything
 * here does nothing. Linux; not built for Windows. */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

struct notify {
	int fd;           /* -1: nobody wants to know */
	int64_t every_us; /* 0: nobody watches */
	int64_t next_us;  /* monotonic: the next sign of life */
};

/* Before the sandbox is entered, which may know no way to the socket. Takes the variables out of the environment: they
 * are this process's, not its children's. A socket that cannot be reached is as none: -errno, and the struct is good.
 */
int notify_open(struct notify *ret);
void notify_close(struct notify *n); /* says that the program ends */
void notify_ready(struct notify *n);

/* A sign of life, when it is time for one (at half of what systemd allows). Only whoever does the work may call it: one
 * that is said beside a loop that hangs is a lie. */
void notify_alive(struct notify *n, int64_t now_us);
int64_t notify_next_us(const struct notify *n); /* when notify_alive has something to say; INT64_MAX: never */

#endif
