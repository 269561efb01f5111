#include "sweep.h"
#include "path_display.h"
#include "stop_processes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct detection detection_of(struct sweep *s, const struct sweep_file *f, const struct scan_result *r)
{
	struct detection d = {.engine = r->finds[0].engine, .name = r->finds[0].name, .type = "", .device = f->device};
	buf_clear(&s->display);
	path_display(&s->display, f->path, strlen(f->path));
	d.path = (struct os_path){
	    .form = PATH_BYTES, .n = strlen(f->path), .raw = f->path, .display = buf_str(&s->display)};
	d.has_md5 = r->digests & SCAN_HAS_MD5;
	d.has_sha256 = r->digests & SCAN_HAS_SHA256;
	memcpy(d.md5, r->md5, sizeof d.md5);
	memcpy(d.sha256, r->sha256, sizeof d.sha256);
	return d;
}

/* The file behind the name may be another one by now. */
static bool open_anew(struct sweep_file *f)
{
	struct stat st;
	int fd = openat(walk_folder_fd(f->folder), f->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return false;
	}
	close(f->fd);
	f->fd = fd;
	f->st = st;
	return true;
}

static void stop(const struct sweep *s, const struct sweep_file *f, struct sweep_found *found)
{
	struct stop_result stopped = {0};
	if (!s->begin.stop_processes || found->verdict != SCAN_INFECTED)
		return;
	stop_processes(&f->st, &stopped);
	found->stopped = stopped.stopped;
}

bool sweep_act(struct sweep *s, struct sweep_file *f, const struct scan_result *r)
{
	struct quarantine_item item;
	struct err e = {0};
	struct sweep_found found = {.verdict = r->finds[0].verdict, .detection = detection_of(s, f, r), .why = ""};
	stop(s, f, &found);
	int k = 0;
	if (s->quarantine && found.verdict == SCAN_INFECTED) {
		k = quarantine_take(s->quarantine, walk_folder_fd(f->folder), f->name, f->fd, &found.detection.path,
		    &found.detection, &item, &e);
		if (k == -ESTALE && open_anew(f))
			return true;
		found.detection.action = k ? ACTION_FAILED : ACTION_QUARANTINED;
		found.why = e.text;
	}
	if (!k && found.detection.action == ACTION_QUARANTINED) {
		found.detection.has_item = true;
		found.detection.item = item.id;
	}
	if (found.verdict == SCAN_INFECTED)
		s->progress.infected++;
	else
		s->progress.suspicious++;
	sweep_tell_found(s, &found);
	return false;
}
