/* khien: the command line. A command is a row of a table (struct command): its words, its options, and either the call
 * of the API that it stands for or a function. Words for people stand in pairs, Vietnamese and English. */
#ifndef CLI_H
#define CLI_H

#include "err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,      /* the centre or the agent refused, or could not */
	CLI_USAGE = 2,       /* the command line is wrong; nothing was done */
	CLI_UNREACHABLE = 3, /* no answer: nothing is known about what was asked */
	CLI_DENIED = 4,      /* not signed in, or not permitted */
	CLI_NOT_FOUND = 5,
};

enum cli_language { CLI_VI, CLI_EN, CLI_LANGUAGES };
struct phrase {
	const char *in[CLI_LANGUAGES];
};
#define P(vi, en)                                                                                                      \
	{                                                                                                              \
		{                                                                                                      \
			vi, en                                                                                         \
		}                                                                                                      \
	}

enum value_kind {
	VALUE_TEXT,
	VALUE_NUMBER,
	VALUE_DAY,     /* 2022-05-12, or 12/5/2022 as it is written in Vietnam */
	VALUE_TIME,    /* a day, or an instant 2022-05-12T08:00:00+07:00 */
	VALUE_SECONDS, /* 90, 90s, 15m, 12h, 30d */
	VALUE_UNIT,    /* a code of the tree; the province is "-". Becomes the node's number */
	VALUE_LIST,    /* comma-separated texts */
	VALUE_FLAG,    /* no value follows */
	VALUE_FORMAT,  /* text, csv, json; never sent */
};

enum option_flag {
	OPTION_WORD = 1,   /* stands alone, in its place, without "--" */
	OPTION_NEEDED = 2, /* refused without */
	OPTION_REST = 4,   /* a word that takes all that follow up to the next option, as a list */
};

struct option_row {
	const char *name;   /* "as-of"; of a word: "UNIT" */
	const char *member; /* of the call's path, query or body; NULL: the command reads it itself */
	enum value_kind kind;
	unsigned flags;
	const char *standard; /* the value when none is given; NULL: none */
	struct phrase help;
};

enum column_kind { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_DAY, COLUMN_TIME, COLUMN_YES, COLUMN_UNIT, COLUMN_LIST };
struct column {
	const char *key; /* of the row; "a.b" goes into an object */
	struct phrase head;
	enum column_kind kind;
};

/* A command that is one call. Members that the path names in braces go there, the others into the query (GET, DELETE)
 * or the body. */
struct call_row {
	const char *method, *path;
	const char *list;             /* the answer's array of rows; NULL: the answer is one row */
	const struct column *columns; /* ended by a NULL key; NULL: nothing is shown but `done` */
	struct phrase done;
	const char *secret; /* a member of the body whose value is read from standard input; NULL: none */
	bool paged;         /* follows the answer's "next" to the end */
};

struct cli;
enum { MAX_CLI_OPTIONS = 16 };
struct command {
	const char *words; /* "units list" */
	struct phrase help;
	const struct option_row *options; /* ended by a NULL name; NULL: none */
	const struct call_row *call;
	enum cli_exit (*run)(struct cli *c); /* where one call is not enough */
};
struct command_table {
	const struct command *commands; /* ended by NULL words */
};
extern const struct command_table cli_tables[];
extern const size_t cli_tables_n;

struct cli_api;
struct cli {
	enum cli_language language;
	const char *config_path;
	const char *agent_socket;
	const struct command *command;
	const char *value[MAX_CLI_OPTIONS]; /* beside command->options */
	const char **rest;                  /* of OPTION_REST */
	size_t n_rest;
	struct cli_api *api; /* opened at the first call */
	json_t *units;       /* the tree, fetched at the first code */
};

/* The phrase in the person's language. */
const char *say(const struct cli *c, struct phrase p);
/* The same for two texts on the spot; the compiler judges both where they are formats. */
#define SAY(c, vi, en) ((c)->language == CLI_VI ? (vi) : (en))

/* Tells what is wrong on standard error and returns the code. */
enum cli_exit cli_fail(const struct cli *c, enum cli_exit code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The value of an option by its name; NULL: not given. */
const char *cli_value(const struct cli *c, const char *name);
bool cli_flag(const struct cli *c, const char *name);

#endif
