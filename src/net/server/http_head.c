#include "http_head.h"
#include "str.h"

#include <string.h>
#include <strings.h>

/* RFC 9110's tchar */
static const uint8_t is_token[256] = {['!'] = 1,
    ['#'] = 1,
    ['$'] = 1,
    ['%'] = 1,
    ['&'] = 1,
    ['\''] = 1,
    ['*'] = 1,
    ['+'] = 1,
    ['-'] = 1,
    ['.'] = 1,
    ['^'] = 1,
    ['_'] = 1,
    ['`'] = 1,
    ['|'] = 1,
    ['~'] = 1,
    ['0' ... '9'] = 1,
    ['A' ... 'Z'] = 1,
    ['a' ... 'z'] = 1};

size_t http_head_end(const char *p, size_t n, size_t seen)
{
	for (size_t at = seen > 3 ? seen - 3 : 0; at + 4 <= n;) {
		const char *cr = memchr(p + at, '\r', n - at - 3);
		if (!cr)
			return 0;
		if (!memcmp(cr, "\r\n\r\n", 4))
			return (size_t)(cr - p) + 4;
		at = (size_t)(cr - p) + 1;
	}
	return 0;
}

/* In place; false for a broken escape or one that hides a control character. */
static bool decode_path(char *p)
{
	char *to = p;
	for (; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '%') {
			int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);
			if (low < 0)
				return false;
			c = (unsigned char)(high << 4 | low);
			if (c < 0x20 || c == 0x7f)
				return false;
			p += 2;
		}
		*to++ = (char)c;
	}
	*to = 0;
	return true;
}

/* METHOD SP /path[?query] SP HTTP/1.x; the line ends in NUL. */
static int parse_request_line(char *line, struct http_head *h)
{
	char *p = line;
	while (is_token[(unsigned char)*p])
		p++;
	if (*p != ' ' || p == line || p - line > HTTP_MAX_METHOD)
		return 400;
	*p++ = 0;
	char *target = p;
	while ((unsigned char)*p > ' ' && (unsigned char)*p < 0x7f && *p != '#')
		p++;
	if (*p != ' ' || *target != '/')
		return 400;
	*p++ = 0;
	if (strncmp(p, "HTTP/", 5) || p[5] < '0' || p[5] > '9' || p[6] != '.' || p[7] < '0' || p[7] > '9' || p[8])
		return 400;
	if (p[5] != '1')
		return 505;
	h->keep_alive = p[7] != '0';
	char *query = strchr(target, '?');
	if (query)
		*query++ = 0;
	else
		query = p + 8;
	if (!decode_path(target))
		return 400;
	h->method = (uint16_t)(line - h->text);
	h->path = (uint16_t)(target - h->text);
	h->query = (uint16_t)(query - h->text);
	return 0;
}

/* One field; the line ends in NUL. A line that begins with a space would be a folded one: no name, so refused. */
static int parse_field(char *line, struct http_head *h)
{
	char *p = line;
	while (is_token[(unsigned char)*p])
		p++;
	if (*p != ':' || p == line)
		return 400;
	*p++ = 0;
	while (*p == ' ' || *p == '\t')
		p++;
	char *value = p;
	for (; *p; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return 400;
	while (p > value && (p[-1] == ' ' || p[-1] == '\t'))
		p--;
	*p = 0;
	if (h->n_fields == HTTP_MAX_FIELDS)
		return 431;
	h->fields[h->n_fields++] = (struct http_field){(uint16_t)(line - h->text), (uint16_t)(value - h->text)};
	return 0;
}

/* Cuts the next line off; NULL when it holds a NUL or a line feed of its own. */
static char *next_line(char **at, const char *end)
{
	char *line = *at, *cr = memchr(line, '\r', (size_t)(end - line));
	if (!cr || cr[1] != '\n' || memchr(line, '\n', (size_t)(cr - line)) || memchr(line, 0, (size_t)(cr - line)))
		return NULL;
	*cr = 0;
	*at = cr + 2;
	return line;
}

/* True when the comma-separated list holds the word. */
static bool list_has(const char *list, const char *word)
{
	size_t n = strlen(word);
	while (*list) {
		list += strspn(list, " \t,");
		size_t k = strcspn(list, " \t,;");
		if (k == n && !strncasecmp(list, word, n))
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

static int parse_length(const char *s, struct http_head *h)
{
	int64_t v = 0;
	size_t n = strspn(s, "0123456789");
	if (!n || s[n] || n > 18 || h->content_length >= 0)
		return 400;
	for (; *s; s++)
		v = v * 10 + (*s - '0');
	h->content_length = v;
	return 0;
}

static int parse_coding(const char *s, struct http_head *h)
{
	if (h->chunked)
		return 400;
	if (strcasecmp(s, "chunked"))
		return 501;
	h->chunked = true;
	return 0;
}

static int parse_connection(const char *s, struct http_head *h)
{
	if (list_has(s, "close"))
		h->keep_alive = false;
	else if (list_has(s, "keep-alive"))
		h->keep_alive = true;
	return 0;
}

static int parse_expect(const char *s, struct http_head *h)
{
	h->expects_continue = !strcasecmp(s, "100-continue");
	return h->expects_continue ? 0 : 417;
}

/* The fields that say how the request is to be read. */
static int understand(struct http_head *h, bool first_version)
{
	static const struct {
		const char *name;
		int (*parse)(const char *value, struct http_head *h);
	} known[] = {{"Content-Length", parse_length}, {"Transfer-Encoding", parse_coding},
	    {"Connection", parse_connection}, {"Expect", parse_expect}};
	size_t hosts = 0;
	for (size_t i = 0; i < h->n_fields; i++) {
		const char *name = h->text + h->fields[i].name, *value = h->text + h->fields[i].value;
		hosts += !strcasecmp(name, "Host");
		for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
			int status = strcasecmp(name, known[k].name) ? 0 : known[k].parse(value, h);
			if (status)
				return status;
		}
	}
	if (h->chunked && (h->content_length >= 0 || first_version))
		return 400;
	return hosts == 1 || (first_version && !hosts) ? 0 : 400;
}

int http_head_parse(char *p, size_t n, struct http_head *ret)
{
	if (n > HTTP_MAX_HEAD)
		return 431;
	*ret = (struct http_head){.text = p, .content_length = -1};
	char *at = p, *line = next_line(&at, p + n);
	int status = line ? parse_request_line(line, ret) : 400;
	bool first_version = !status && !ret->keep_alive;
	while (!status) {
		line = next_line(&at, p + n);
		if (!line)
			return 400;
		if (!*line)
			return at == p + n ? understand(ret, first_version) : 400;
		status = parse_field(line, ret);
	}
	return status;
}

const char *http_head_field(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->n_fields; i++)
		if (!strcasecmp(h->text + h->fields[i].name, name))
			return h->text + h->fields[i].value;
	return NULL;
}
