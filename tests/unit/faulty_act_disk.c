#include "faulty_act_disk.h"

#include <signal.h>
#include <unistd.h>

static int step(struct faulty_act_disk *f, char letter, bool *ret_midway)
{
	if (f->steps < (int)sizeof f->log - 1)
		f->log[f->steps] = letter;
	f->steps++;
	bool now = f->kind == FAULT_ERROR && f->lasting ? f->steps >= f->at : f->steps == f->at;
	if (now && f->kind == FAULT_KILL)
		kill(getpid(), SIGKILL);
	if (now && f->kind == FAULT_ERROR)
		return f->error;
	*ret_midway = now && f->kind == FAULT_KILL_MIDWAY;
	return 0;
}

static int done(int r, bool midway)
{
	if (midway)
		kill(getpid(), SIGKILL);
	return r;
}

#define STEP(letter)                                                                                                   \
	bool midway = false;                                                                                           \
	int r = step(context, letter, &midway);                                                                        \
	if (r)                                                                                                         \
	return r

static int faulty_create(void *context, int folder, const char *name, int *ret_file)
{
	STEP('c');
	return done(act_disk_system.create(NULL, folder, name, ret_file), midway);
}

static int faulty_nameless(void *context, int folder, int *ret_file)
{
	STEP('n');
	return done(act_disk_system.nameless(NULL, folder, ret_file), midway);
}

static int faulty_write(void *context, int file, const void *p, size_t n, int64_t at)
{
	STEP('w');
	return done(act_disk_system.write(NULL, file, p, midway ? n / 2 : n, at), midway);
}

static int faulty_cut(void *context, int file, int64_t size)
{
	STEP('t');
	return done(act_disk_system.cut(NULL, file, size), midway);
}

static int faulty_dress(void *context, int file, const struct attributes *a, bool may_leave_out, const char **ret)
{
	STEP('d');
	return done(act_disk_system.dress(NULL, file, a, may_leave_out, ret), midway);
}

static int faulty_sync(void *context, int file)
{
	STEP('s');
	return done(act_disk_system.sync(NULL, file), midway);
}

static int faulty_name(void *context, int file, int folder, const char *name)
{
	STEP('l');
	return done(act_disk_system.name(NULL, file, folder, name), midway);
}

static int faulty_rename(void *context, int folder, const char *from, const char *to)
{
	STEP('r');
	return done(act_disk_system.rename(NULL, folder, from, to), midway);
}

static int faulty_remove(void *context, int folder, const char *name)
{
	STEP('u');
	return done(act_disk_system.remove(NULL, folder, name), midway);
}

static int faulty_flags(void *context, int file, uint32_t flags)
{
	STEP('f');
	return done(act_disk_system.flags(NULL, file, flags), midway);
}

static int faulty_replace(void *context, int folder, const char *name, const void *p, size_t n)
{
	STEP('p');
	return done(act_disk_system.replace(NULL, folder, name, p, n), midway);
}

void faulty_act_disk_make(struct faulty_act_disk *f, enum fault_kind kind, int at, int error)
{
	*f = (struct faulty_act_disk){.kind = kind, .at = at, .error = error};
	f->disk = (struct act_disk){.context = f,
	    .create = faulty_create,
	    .nameless = faulty_nameless,
	    .write = faulty_write,
	    .cut = faulty_cut,
	    .dress = faulty_dress,
	    .sync = faulty_sync,
	    .name = faulty_name,
	    .rename = faulty_rename,
	    .remove = faulty_remove,
	    .flags = faulty_flags,
	    .replace = faulty_replace};
}
