/* A producer outside the programs: hands detections to khien-agent and writes down, synced, what it means to do before
 * and the receipt that it got after. It never asks twice for the same event: whatever was not answered stays an intent.
 *
 *   producer SOCKET INTENTS RECEIPTS PREFIX     until its standard input ends
 *
 * INTENTS: a line "NAME"; RECEIPTS: a line "NAME STREAM SEQ". The detection's name is PREFIX-NUMBER. */
#include "clock.h"
#include "control.h"
#include "file.h"
#include "rnd.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_down(int fd, const char *line)
{
	if (file_write_all(fd, line, strlen(line)) || fsync(fd) < 0) {
		perror("producer");
		exit(1);
	}
}

static int open_list(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

/* True when standard input has ended; else waits up to ms. */
static bool told_to_end(int ms)
{
	struct pollfd f = {0, POLLIN, 0};
	return poll(&f, 1, ms) != 0;
}

static int report(struct control *c, const char *name, struct control_receipt *ret)
{
	struct detection d = {.engine = "oracle",
	    .name = name,
	    .type = "test",
	    .path = {PATH_BYTES, 9, "/x/\xff/test", "/x/\\xff/test"},
	    .action = ACTION_BLOCKED};
	uint8_t id[8];
	rnd_bytes(id, sizeof id);
	return control_add_detection(c, id, clock_real_us(), &d, ret, NULL);
}

static void produce_one(struct control **c, int intents, int receipts, const char *name)
{
	char line[256], stream[ID_TEXT];
	struct control_receipt receipt;
	snprintf(line, sizeof line, "%s\n", name);
	write_down(intents, line);
	int r = report(*c, name, &receipt);
	if (!r) {
		hex_encode(stream, receipt.stream.b, ID_BYTES);
		snprintf(line, sizeof line, "%s %s %" PRId64 "\n", name, stream, receipt.seq);
		write_down(receipts, line);
	} else if (r != -EIO && r != -ENOSPC) { /* no answer: this connection is over */
		control_free(*c);
		*c = NULL;
	}
}

int main(int argc, char **argv)
{
	struct control *c = NULL;
	char name[128];
	if (argc != 5) {
		fputs("usage: producer SOCKET INTENTS RECEIPTS PREFIX\n", stderr);
		return 2;
	}
	int intents = open_list(argv[2]), receipts = open_list(argv[3]);
	for (unsigned long n = 0; !told_to_end(c ? 5 : 20);) {
		if (!c && control_open(argv[1], &c, NULL))
			continue;
		snprintf(name, sizeof name, "%s-%lu", argv[4], n++);
		produce_one(&c, intents, receipts, name);
	}
	control_free(c);
	return 0;
}
