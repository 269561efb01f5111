#include "parent_int.h"
#include "buf.h"
#include "file.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* "--link-user NAME" on the command line is "link_user = NAME" in the file. */
static const struct option_def {
	const char *name;
	size_t at, size; /* of a text; size 0: a number */
	int64_t min, max;
} defs[] = {
#define TEXT(name, field)                                                                                              \
	{                                                                                                              \
		name, offsetof(struct options, field), sizeof(((struct options *)0)->field), 0, 0                      \
	}
#define NUMBER(name, field, min, max)                                                                                  \
	{                                                                                                              \
		name, offsetof(struct options, field), 0, min, max                                                     \
	}
    TEXT("state", state),
    TEXT("root", root),
    TEXT("link", link),
    TEXT("link_user", link_user),
    TEXT("scan", scan),
    TEXT("scan_user", scan_user),
    TEXT("sigs", sigs),
    TEXT("signatures", signatures),
    TEXT("sweep", sweep),
    TEXT("server", server),
    TEXT("agents_server", agents_server),
    NUMBER("spool_bytes", spool_bytes, 1 << 20, INT64_C(1) << 40),
    NUMBER("heartbeat_ms", heartbeat_ms, 50, 600000),
    NUMBER("collect_s", collect_s, 1, 86400),
    NUMBER("check_s", check_s, 1, 86400),
#undef TEXT
#undef NUMBER
};

static bool same_name(const char *given, const char *name)
{
	for (; *given && *name; given++, name++)
		if (*given != *name && !(*given == '-' && *name == '_'))
			return false;
	return !*given && !*name;
}

static int set(struct options *o, const char *name, const char *value, const char *where)
{
	for (size_t i = 0; i < sizeof defs / sizeof *defs; i++) {
		const struct option_def *d = &defs[i];
		char *field = (char *)o + d->at;
		if (!same_name(name, d->name))
			continue;
		int r = d->size ? str_copy(field, d->size, value)
		                : str_i64(value, d->min, d->max, (int64_t *)(void *)field);
		if (r)
			fprintf(stderr, "khien-agent: %s: %s: a value that is not possible: %s\n", where, name, value);
		return r;
	}
	fprintf(stderr, "khien-agent: %s: %s: no such setting\n", where, name);
	return -EINVAL;
}

static char *trimmed(char *s)
{
	s += strspn(s, " \t\r");
	size_t n = strlen(s);
	while (n && strchr(" \t\r", s[n - 1]))
		s[--n] = 0;
	return s;
}

static int read_config(struct options *o, const char *path)
{
	struct buf b = BUF_INIT(65536);
	int r = file_read(AT_FDCWD, path, &b);
	if (r)
		fprintf(stderr, "khien-agent: %s: %s\n", path, strerror(-r));
	char *rest = b.p, *line;
	while (!r && rest && (line = strsep(&rest, "\n"))) {
		char *equals = strchr(line, '=');
		line = trimmed(line);
		if (!*line || *line == '#')
			continue;
		if (!equals) {
			fprintf(stderr, "khien-agent: %s: not \"key = value\": %s\n", path, line);
			r = -EINVAL;
			break;
		}
		*equals = 0;
		r = set(o, trimmed(line), trimmed(equals + 1), path);
	}
	buf_release(&b);
	return r;
}

static int usage(void)
{
	fputs(
	    "usage: khien-agent [--config FILE] [--state FOLDER] [--root FOLDER] [--link PROGRAM] [--link-user NAME]\n"
	    "                   [--scan PROGRAM] [--scan-user NAME] [--signatures FOLDER] [--sweep PROGRAM] [--sigs "
	    "PROGRAM]\n"
	    "                   [--server URL] [--agents-server URL] [--spool-bytes N] [--heartbeat-ms N]\n"
	    "                   [--collect-s N] [--check-s N] [--verbose]\n",
	    stderr);
	return -EINVAL;
}

static int read_flags(struct options *o, int argc, char **argv, bool config)
{
	int r = 0;
	for (int i = 1; !r && i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0) {
			o->verbose = true;
			continue;
		}
		if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc)
			return usage();
		bool is_config = strcmp(argv[i], "--config") == 0;
		if (is_config && config)
			r = read_config(o, argv[i + 1]);
		else if (!is_config && !config)
			r = set(o, argv[i] + 2, argv[i + 1], "command line");
		i++;
	}
	return r;
}

int parent_options(struct options *o, int argc, char **argv)
{
	*o = (struct options){.state = "var/agent",
	    .root = "/",
	    .link = "khien-link",
	    .sweep = "khien-sweep",
	    .spool_bytes = INT64_C(64) << 20, /* some 200.000 detections */
	    .heartbeat_ms = 10000,
	    .collect_s = 60,
	    .check_s = 600};
	int r = read_flags(o, argc, argv, true);
	return r ? r : read_flags(o, argc, argv, false);
}
