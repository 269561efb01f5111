/* Takes files into the quarantine of a state folder, as khien-sweep does, and prints each item's id or what was wrong.
 * A finder outside the agent: tests/integration starts it. */
#include "err.h"
#include "file.h"
#include "path_display.h"
#include "quarantine.h"
#include "str.h"

#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int take(struct quarantine *q, const char *path)
{
	struct buf display = BUF_INIT(MAX_DISPLAY);
	struct detection d = {.engine = "taker", .name = "Khien-Test-Malware", .type = "test", .device = DEVICE_FIXED};
	struct os_path at = {.form = PATH_BYTES, .raw = path, .n = strlen(path)};
	struct quarantine_item item;
	struct err e = {0};
	char id[ID_TEXT];
	const char *name;
	int folder = -1;
	path_display(&display, path, at.n);
	at.display = buf_str(&display);
	int r = act_open_folder(path, &folder, &name);
	int fd = r ? -1 : openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (!r && fd < 0)
		r = -errno;
	if (!r)
		r = quarantine_take(q, folder, name, fd, &at, &d, &item, &e);
	if (r) {
		fprintf(stderr, "%s: %s\n", at.display, *e.text ? e.text : strerror(-r));
	} else {
		hex_encode(id, item.id.b, ID_BYTES);
		puts(id);
	}
	if (fd >= 0)
		close(fd);
	if (folder >= 0)
		close(folder);
	buf_release(&display);
	return r;
}

int main(int argc, char **argv)
{
	char folder[PATH_MAX];
	struct quarantine *q = NULL;
	struct err e = {0};
	int failed = 0;
	if (argc < 3 || sodium_init() < 0)
		return 2;
	snprintf(folder, sizeof folder, "%s/%s", argv[1], QUARANTINE_FOLDER_NAME);
	if (quarantine_open(folder, &QUARANTINE_LIMITS_STANDARD, &q, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	for (int i = 2; i < argc; i++)
		failed |= take(q, argv[i]) != 0;
	quarantine_close(q);
	return failed;
}
