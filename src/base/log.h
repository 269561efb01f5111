/* One line a record on stderr, `time level program message key=value …` (logfmt; values quoted when they need it), so
 * that a journal can search it. Only programs log. Never pass a secret. */
#ifndef LOG_H
#define LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_open(const char *program, enum log_level max); /* `program` must live on */

/* Keys and values in pairs behind the message, closed by NULL: log_info("enrolled", "machine", uid, "req", id, NULL).
 * A NULL value is written as "-". Values are escaped: a hostile name cannot begin a line of its own. */
void log_error(const char *msg, ...) __attribute__((sentinel));
void log_warn(const char *msg, ...) __attribute__((sentinel));
void log_info(const char *msg, ...) __attribute__((sentinel));
void log_debug(const char *msg, ...) __attribute__((sentinel));

/* A number as text for the pairs above: "error", log_num(-r). Lives until the eighth next call in this thread. */
const char *log_num(long long v);

#endif
