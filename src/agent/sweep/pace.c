#include "pace.h"
#include "clock.h"
#include "file.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	LOOK_EVERY_US = 5000000,
	WINDOW_US = 2000000,
	REST_LEAST_US = 20000,
	MEMORY_WAITS_PERCENT = 10, /* some task waited for memory in this share of the last ten seconds */
};

void pace_lower_priority(void)
{
	enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_CLASS_IDLE = 3, IOPRIO_CLASS_SHIFT = 13 };
	const struct sched_param none = {0};
	setpriority(PRIO_PROCESS, 0, 19);
	sched_setscheduler(0, SCHED_BATCH, &none);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT);
}

/* ---- the ceiling ---- */

/* First number of schedstat: nanoseconds on a processor. Negative: it has ended. */
static int64_t used_by(const struct pace *p, pid_t pid)
{
	char path[128];
	struct buf b = BUF_INIT(256);
	snprintf(path, sizeof path, "%s/%d/schedstat", p->proc, (int)pid);
	int64_t us = file_read(AT_FDCWD, path, &b) ? -1 : strtoll(buf_str(&b), NULL, 10) / 1000;
	buf_release(&b);
	return us;
}

static int64_t used_by_all(struct pace *p)
{
	struct rusage own;
	getrusage(RUSAGE_SELF, &own);
	int64_t sum = (own.ru_utime.tv_sec + own.ru_stime.tv_sec) * US_PER_S + own.ru_utime.tv_usec +
	              own.ru_stime.tv_usec;
	for (size_t i = 0; i < p->n;) {
		struct pace_worker *w = &p->workers[i];
		int64_t used = used_by(p, w->pid);
		if (used >= 0) {
			w->used_us = used;
			sum += used;
			i++;
		} else {
			p->used_by_the_gone_us += w->used_us;
			*w = p->workers[--p->n];
		}
	}
	return sum + p->used_by_the_gone_us;
}

void pace_begin(struct pace *p, int64_t now_us)
{
	p->since_us = now_us;
	p->looked_us = now_us - LOOK_EVERY_US;
	p->used_before_us = used_by_all(p);
}

void pace_add_worker(struct pace *p, pid_t pid)
{
	if (p->n < PACE_MAX_WORKERS)
		p->workers[p->n++] = (struct pace_worker){.pid = pid};
}

/* How long to rest until what was used is within the ceiling again. */
static int64_t owed_us(struct pace *p, int64_t now_us)
{
	int64_t used = used_by_all(p) - p->used_before_us, passed = now_us - p->since_us;
	int64_t owed = used * 100 / p->percent - passed;
	if (owed <= 0 && passed > WINDOW_US) { /* what was not used is not saved up */
		p->since_us = now_us;
		p->used_before_us += used;
	}
	return owed;
}

/* ---- the computer ---- */

static bool read_text(const char *folder, const char *name, const char *what, char *dst, size_t size)
{
	char path[512];
	struct buf b = BUF_INIT(64);
	snprintf(path, sizeof path, "%s/%s/%s", folder, name, what);
	bool so = file_read(AT_FDCWD, path, &b) == 0;
	while (so && b.n && b.p[b.n - 1] == '\n')
		b.p[--b.n] = 0;
	so = so && str_copy(dst, size, buf_str(&b)) == 0;
	buf_release(&b);
	return so;
}

/* A battery that discharges, and no mains: a desktop has neither, an uninterruptible supply may have both. */
static bool is_on_battery(const struct pace *p)
{
	char folder[256], type[64], says[64];
	bool mains = false, discharges = false;
	snprintf(folder, sizeof folder, "%s/class/power_supply", p->sys);
	DIR *d = opendir(folder);
	const struct dirent *e;
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || !read_text(folder, e->d_name, "type", type, sizeof type))
			continue;
		if (strcmp(type, "Battery") == 0)
			discharges |= read_text(folder, e->d_name, "status", says, sizeof says) &&
			              strcmp(says, "Discharging") == 0;
		else
			mains |= read_text(folder, e->d_name, "online", says, sizeof says) && strcmp(says, "1") == 0;
	}
	if (d)
		closedir(d);
	return discharges && !mains;
}

/* "some avg10=12.34 avg60=…": kernels without it never say that memory is short. */
static bool is_short_of_memory(const struct pace *p)
{
	char path[256];
	struct buf b = BUF_INIT(1024);
	snprintf(path, sizeof path, "%s/pressure/memory", p->proc);
	const char *at = file_read(AT_FDCWD, path, &b) ? NULL : strstr(buf_str(&b), "some avg10=");
	bool so = at && strtod(at + strlen("some avg10="), NULL) >= MEMORY_WAITS_PERCENT;
	buf_release(&b);
	return so;
}

enum pace_rest pace_ask(struct pace *p, int64_t now_us, int64_t *ret_again_us)
{
	*ret_again_us = INT64_MAX;
	if (!p->background)
		return PACE_GOES;
	if (now_us - p->looked_us >= LOOK_EVERY_US) {
		p->looked_us = now_us;
		p->outside = !p->on_battery && is_on_battery(p) ? PACE_BATTERY
		             : is_short_of_memory(p)            ? PACE_MEMORY
		                                                : PACE_GOES;
	}
	if (p->outside != PACE_GOES) {
		*ret_again_us = p->looked_us + LOOK_EVERY_US;
		return p->outside;
	}
	int64_t owed = owed_us(p, now_us);
	if (owed < REST_LEAST_US)
		return PACE_GOES;
	*ret_again_us = now_us + owed;
	return PACE_CEILING;
}

const char *pace_rest_name(enum pace_rest r)
{
	static const char *const names[] = {"", "processor ceiling", "on battery", "short of memory"};
	return names[r];
}
