/* The command line's tables are sound, and what people type is read as they mean it. */
#include "cli_args.h"
#include "cli_config.h"
#include "str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void seconds(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {{"90", 90}, {"90s", 90}, {"15m", 900}, {"12h", 43200}, {"30d", 2592000}, {"0", 0}};
	static const char *const bad[] = {"", "d", "-1", "1w", "1d2h", "9223372036854775807d", "1 d"};
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(args_seconds(good[i].text, &v), 0);
		assert_int_equal(v, good[i].seconds);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_not_equal(args_seconds(bad[i], &v), 0);
}

static void days(void **state)
{
	static const char *const good[][2] = {
	    {"2022-05-12", "2022-05-12"}, {"12/5/2022", "2022-05-12"}, {"01/12/2022", "2022-12-01"}};
	static const char *const bad[] = {
	    "", "12/5", "31/4/2022", "2022-02-30", "12/5/2022x", "5-12-2022", "12/5/22222"};
	char day[11];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(args_day(good[i][0], day), 0);
		assert_string_equal(day, good[i][1]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_not_equal(args_day(bad[i], day), 0);
}

static void check_option(const struct command *k, size_t i)
{
	const struct option_row *o = &k->options[i];

	assert_non_null(o->help.in[CLI_VI]);
	assert_non_null(o->help.in[CLI_EN]);
	assert_true(i < MAX_CLI_OPTIONS);
	for (size_t j = 0; j < i; j++)
		assert_string_not_equal(o->name, k->options[j].name);
	if (o->flags & OPTION_REST)
		assert_null(k->options[i + 1].name);
}

/* What a path names in braces is an option's member, and is always there. */
static void check_path(const struct command *k)
{
	for (const char *p = strchr(k->call->path, '{'); p; p = strchr(p + 1, '{')) {
		size_t n = strcspn(p + 1, "}");
		bool found = false;
		for (const struct option_row *o = k->options; o && o->name; o++)
			found |= o->member && strlen(o->member) == n && !memcmp(o->member, p + 1, n) &&
			         o->flags & OPTION_NEEDED;
		if (!found)
			fail_msg("%s: %s", k->words, k->call->path);
	}
}

static void tables(void **state)
{
	(void)state;
	for (size_t t = 0; t < cli_tables_n; t++)
		for (const struct command *k = cli_tables[t].commands; k->words; k++) {
			assert_true(k->call || k->run);
			assert_non_null(k->help.in[CLI_VI]);
			assert_non_null(k->help.in[CLI_EN]);
			for (size_t i = 0; k->options && k->options[i].name; i++)
				check_option(k, i);
			if (k->call)
				check_path(k);
		}
}

static void longest_words_win(void **state)
{
	char *pool[] = {"licences", "pool", "add", "x"}, *none[] = {"licences", "nothing"};
	int used;
	const struct command *k = args_command(4, pool, &used);

	(void)state;
	assert_non_null(k);
	assert_string_equal(k->words, "licences pool add");
	assert_int_equal(used, 3);
	assert_null(args_command(2, none, &used));
}

static enum cli_exit read_words(struct cli *c, const char *line)
{
	static char copy[512];
	static char *words[32];
	int n = 0, used;

	(void)str_copy(copy, sizeof copy, line);
	for (char *save = NULL, *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	*c = (struct cli){.language = CLI_EN, .command = args_command(n, words, &used)};
	assert_non_null(c->command);
	return args_read(c, n - used, words + used);
}

static void options(void **state)
{
	struct cli c;

	(void)state;
	assert_int_equal(read_words(&c, "report figures --as-of 12/5/2022 --group=so-ban-nganh"), CLI_OK);
	assert_string_equal(cli_value(&c, "as-of"), "12/5/2022");
	assert_string_equal(cli_value(&c, "group"), "so-ban-nganh");
	assert_string_equal(cli_value(&c, "format"), "text");
	assert_int_equal(read_words(&c, "task for report-now aa bb cc"), CLI_OK);
	assert_int_equal(c.n_rest, 3);
	assert_int_equal(read_words(&c, "task for report-now aa bb --format json"), CLI_OK);
	assert_int_equal(c.n_rest, 2);
	assert_string_equal(cli_value(&c, "format"), "json");
	assert_int_equal(read_words(&c, "policy set SNV sync.interval_s 30 --lock"), CLI_OK);
	assert_true(cli_flag(&c, "lock"));
	assert_int_equal(read_words(&c, "policy set SNV sync.interval_s"), CLI_USAGE);
	assert_int_equal(read_words(&c, "policy set SNV sync.interval_s many"), CLI_USAGE);
	assert_int_equal(read_words(&c, "report figures --as-of 31/4/2022"), CLI_USAGE);
	assert_int_equal(read_words(&c, "report figures --as-off 2022-05-12"), CLI_USAGE);
	assert_int_equal(read_words(&c, "report figures --as-of"), CLI_USAGE);
	assert_int_equal(read_words(&c, "report figures --group a --group b"), CLI_USAGE);
	assert_int_equal(read_words(&c, "units list extra"), CLI_USAGE);
	assert_int_equal(read_words(&c, "units list --all=yes"), CLI_USAGE);
}

static int read_config(const char *text, mode_t mode, struct cli_config *ret, struct err *e)
{
	char path[] = "/tmp/khien-cli-test-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	*e = (struct err){0};
	int r = cli_config_read(path, ret, e);
	unlink(path);
	return r;
}

static void configuration(void **state)
{
	struct cli_config c;
	struct err e;

	(void)state;
	assert_int_equal(read_config("# here\napi = https://[::1]:7443\nca=ca.pem\n token = /x/t \n", 0600, &c, &e), 0);
	assert_string_equal(c.host, "::1");
	assert_int_equal(c.port, 7443);
	assert_string_equal(c.ca, "/tmp/ca.pem");
	assert_string_equal(c.token, "/x/t");
	assert_int_equal(read_config("api = http://a:1\n", 0600, &c, &e), -EINVAL);
	assert_non_null(strstr(e.text, "line 1"));
	assert_int_equal(read_config("\nappi = https://a:1\n", 0600, &c, &e), -EINVAL);
	assert_non_null(strstr(e.text, "line 2"));
	assert_int_equal(read_config("api https://a:1\n", 0600, &c, &e), -EINVAL);
	assert_int_equal(read_config("api = https://a:1\n", 0620, &c, &e), -EPERM);
	assert_int_equal(read_config("api = https://a:1\n", 0602, &c, &e), -EPERM);
	assert_int_equal(cli_config_read("/nonexistent/cli.conf", &c, &e), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(seconds),
	    cmocka_unit_test(days),
	    cmocka_unit_test(tables),
	    cmocka_unit_test(longest_words_win),
	    cmocka_unit_test(options),
	    cmocka_unit_test(configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
