#include "clamav_int.h"

#include <string.h>

static struct clamav_messages *watching;

static const char *const about_space[] = {"No space left", "emporary", "write error", "Can't write", "can't write",
    "Can't create", "can't create", "an't open tmp", "Disk quota", "File too large"};

static bool speaks_of_space(const char *msg)
{
	for (size_t i = 0; i < sizeof about_space / sizeof *about_space; i++)
		if (strstr(msg, about_space[i]))
			return true;
	return false;
}

/* "Malformed pattern line 3", "Problem parsing database at line 7" */
static int line_in(const char *msg)
{
	const char *p = strstr(msg, "line ");
	int n = 0;
	for (p = p ? p + 5 : ""; *p >= '0' && *p <= '9' && n < 100000000; p++)
		n = n * 10 + (*p - '0');
	return n;
}

static void hear(enum cl_msg severity, const char *full, const char *msg, void *context)
{
	(void)full;
	(void)context;
	if (!watching || severity < CL_MSG_WARN)
		return;
	if (!watching->first[0]) {
		snprintf(watching->first, sizeof watching->first, "%s", msg);
		watching->first[strcspn(watching->first, "\n")] = 0;
	}
	if (watching->line == 0)
		watching->line = line_in(msg);
	if (speaks_of_space(msg))
		watching->no_space = true;
	else if (severity == CL_MSG_ERROR)
		watching->failed = true;
}

void clamav_messages_watch(struct clamav_messages *m)
{
	if (m)
		*m = (struct clamav_messages){0};
	watching = m;
}

void clamav_messages_init(void)
{
	cl_set_clcb_msg(hear);
}
