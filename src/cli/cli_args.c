#include "cli_args.h"

#include "day.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

/* How many words of argv the command's own words cover; 0: they differ. */
static int words_match(const char *words, int argc, char **argv)
{
	int n = 0;

	while (*words) {
		size_t length = strcspn(words, " ");
		if (n == argc || strlen(argv[n]) != length || memcmp(words, argv[n], length) != 0)
			return 0;
		words += length + (words[length] == ' ');
		n++;
	}
	return n;
}

const struct command *args_command(int argc, char **argv, int *ret_used)
{
	const struct command *found = NULL;
	int most = 0;

	for (size_t t = 0; t < cli_tables_n; t++)
		for (const struct command *k = cli_tables[t].commands; k->words; k++) {
			int n = words_match(k->words, argc, argv);
			if (n > most) {
				most = n;
				found = k;
			}
		}
	*ret_used = most;
	return found;
}

int args_seconds(const char *text, int64_t *ret)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char digits[16];
	size_t n = strlen(text);
	int64_t factor = 1, v;

	for (size_t i = 0; n && i < sizeof units / sizeof units[0]; i++)
		if (text[n - 1] == units[i].unit) {
			factor = units[i].seconds;
			n--;
			break;
		}
	if (!n || n >= sizeof digits)
		return -EINVAL;
	memcpy(digits, text, n);
	digits[n] = 0;
	int r = str_i64(digits, 0, INT64_MAX / factor, &v);
	if (r)
		return r;
	*ret = v * factor;
	return 0;
}

int args_day(const char *text, char dst[11])
{
	int day, month, year, end = 0;
	int32_t parsed;

	if (day_parse(text, &parsed)) {
		char iso[DAY_TEXT + 16];
		if (sscanf(text, "%2d/%2d/%4d%n", &day, &month, &year, &end) != 3 || text[end])
			return -EINVAL;
		(void)snprintf(iso, sizeof iso, "%04d-%02d-%02d", year, month, day);
		if (day_parse(iso, &parsed))
			return -EINVAL;
	}
	day_iso(parsed, dst);
	return 0;
}

static bool number_ok(const char *text)
{
	int64_t v;
	return str_i64(text, INT64_MIN, INT64_MAX, &v) == 0;
}

static bool day_ok(const char *text)
{
	char day[DAY_TEXT];
	return args_day(text, day) == 0;
}

static bool time_ok(const char *text)
{
	int64_t v;
	return day_ok(text) || instant_parse(text, &v) == 0;
}

static bool seconds_ok(const char *text)
{
	int64_t v;
	return args_seconds(text, &v) == 0;
}

static bool format_ok(const char *text)
{
	return str_eq(text, "text") || str_eq(text, "csv") || str_eq(text, "json");
}

static const struct {
	bool (*ok)(const char *text);
	struct phrase expected;
} kinds[] = {
    [VALUE_NUMBER] = {number_ok, P("một số nguyên", "a whole number")},
    [VALUE_DAY] = {day_ok, P("một ngày, ví dụ 2022-05-12 hoặc 12/5/2022", "a day, such as 2022-05-12")},
    [VALUE_TIME] = {time_ok, P("một ngày hoặc thời điểm, ví dụ 2022-05-12T08:00:00+07:00",
                                 "a day or an instant, such as 2022-05-12T08:00:00+07:00")},
    [VALUE_SECONDS] = {seconds_ok,
        P("một khoảng thời gian, ví dụ 90s, 15m, 12h, 30d", "a duration, such as 90s, 15m, 12h, 30d")},
    [VALUE_FORMAT] = {format_ok, P("text, csv hoặc json", "text, csv or json")},
};

static enum cli_exit take(struct cli *c, size_t i, const char *value)
{
	const struct option_row *o = &c->command->options[i];
	size_t kind = o->kind;

	if (kind < sizeof kinds / sizeof kinds[0] && kinds[kind].ok && !kinds[kind].ok(value))
		return cli_fail(c, CLI_USAGE, SAY(c, "%s: cần %s, không phải '%s'", "%s: expected %s, not '%s'"),
		    o->name, say(c, kinds[kind].expected), value);
	c->value[i] = value;
	return CLI_OK;
}

static const struct option_row *find_option(const struct command *k, const char *name, size_t length, size_t *ret_i)
{
	for (size_t i = 0; k->options && k->options[i].name; i++) {
		const struct option_row *o = &k->options[i];
		if (!(o->flags & OPTION_WORD) && strlen(o->name) == length && !memcmp(o->name, name, length)) {
			*ret_i = i;
			return o;
		}
	}
	return NULL;
}

/* One "--name value", "--name=value" or "--flag"; *at moves behind it. */
static enum cli_exit read_option(struct cli *c, int argc, char **argv, int *at)
{
	const char *name = argv[*at] + 2, *value = strchr(name, '=');
	size_t i, length = value ? (size_t)(value - name) : strlen(name);
	const struct option_row *o = find_option(c->command, name, length, &i);

	if (!o)
		return cli_fail(c, CLI_USAGE, SAY(c, "khien %s không có tùy chọn %s", "khien %s has no option %s"),
		    c->command->words, argv[*at]);
	if (c->value[i])
		return cli_fail(c, CLI_USAGE, SAY(c, "--%s có hai lần", "--%s stands twice"), o->name);
	if (o->kind == VALUE_FLAG && value)
		return cli_fail(c, CLI_USAGE, SAY(c, "--%s không nhận giá trị", "--%s takes no value"), o->name);
	if (o->kind == VALUE_FLAG)
		value = "1";
	else if (value)
		value++;
	else if (*at + 1 < argc)
		value = argv[++*at];
	else
		return cli_fail(c, CLI_USAGE, SAY(c, "--%s cần một giá trị", "--%s needs a value"), o->name);
	++*at;
	return take(c, i, value);
}

static enum cli_exit read_word(struct cli *c, int argc, char **argv, int *at)
{
	const struct option_row *o = c->command->options;

	for (size_t i = 0; o && o[i].name; i++) {
		if (!(o[i].flags & OPTION_WORD) || c->value[i])
			continue;
		if (o[i].flags & OPTION_REST) {
			c->rest = (const char **)argv + *at;
			c->value[i] = argv[*at];
			while (*at < argc && strncmp(argv[*at], "--", 2) != 0) {
				c->n_rest++;
				++*at;
			}
			return CLI_OK;
		}
		return take(c, i, argv[(*at)++]);
	}
	return cli_fail(c, CLI_USAGE, SAY(c, "'%s' là thừa", "'%s' is one word too many"), argv[*at]);
}

enum cli_exit args_read(struct cli *c, int argc, char **argv)
{
	const struct option_row *o = c->command->options;
	enum cli_exit r = CLI_OK;

	for (int at = 0; !r && at < argc;)
		r = !strncmp(argv[at], "--", 2) && argv[at][2] ? read_option(c, argc, argv, &at)
		                                               : read_word(c, argc, argv, &at);
	for (size_t i = 0; !r && o && o[i].name; i++) {
		if (!c->value[i])
			c->value[i] = o[i].standard;
		if (!c->value[i] && o[i].flags & OPTION_NEEDED)
			r = cli_fail(c, CLI_USAGE,
			    SAY(c, "thiếu %s%s; xem: khien help %s", "%s%s is missing; see: khien help %s"),
			    o[i].flags & OPTION_WORD ? "" : "--", o[i].name, c->command->words);
	}
	return r;
}
