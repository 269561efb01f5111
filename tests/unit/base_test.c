#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "clock.h"
#include "day.h"
#include "err.h"
#include "file.h"
#include "notify.h"
#include "str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <signal.h>
#include <unistd.h>

static void buffer_keeps_its_maximum(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(5);
	assert_int_equal(buf_adds(&b, "12345"), 0);
	assert_int_equal(buf_addc(&b, '6'), -EMSGSIZE);
	assert_int_equal(b.error, -EMSGSIZE);
	assert_string_equal(buf_str(&b), "12345");
	assert_null(buf_steal(&b));
	assert_int_equal(buf_addf(&b, "%d", 42), 0);
	assert_string_equal(buf_str(&b), "42");
	buf_release(&b);
}

static void whole_numbers_only(void **state)
{
	(void)state;
	int64_t v = 7;
	assert_int_equal(str_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &v), 0);
	assert_true(v == INT64_MIN);
	assert_int_equal(str_i64("9223372036854775807", INT64_MIN, INT64_MAX, &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(str_i64("9223372036854775808", INT64_MIN, INT64_MAX, &v), -ERANGE);
	assert_int_equal(str_i64("", 0, 9, &v), -EINVAL);
	assert_int_equal(str_i64("-", 0, 9, &v), -EINVAL);
	assert_int_equal(str_i64("1 ", 0, 9, &v), -EINVAL);
	assert_int_equal(str_i64("-1", 0, 9, &v), -ERANGE);
}

static void base64_has_one_text_for_one_value(void **state)
{
	(void)state;
	char text[16];
	unsigned char raw[8];
	size_t n;
	base64_encode(text, "fo", 2);
	assert_string_equal(text, "Zm8=");
	assert_int_equal(base64_decode(raw, sizeof raw, "Zm8=", &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(base64_decode(raw, sizeof raw, "Zm9=", &n), -EINVAL);
	assert_int_equal(base64_decode(raw, sizeof raw, "Zm8", &n), -EINVAL);
	assert_int_equal(base64_decode(raw, 1, "Zm8=", &n), -EMSGSIZE);
}

static void utf8_is_well_formed_or_not(void **state)
{
	(void)state;
	assert_true(utf8_valid("S\xe1\xbb\x9f", 4));
	assert_false(utf8_valid("\xc0\x80", 2));
	assert_false(utf8_valid("\xed\xa0\x80", 3));
	assert_false(utf8_valid("\xe1\xbb", 2));
	assert_false(utf8_valid("a\0b", 3));
}

static void a_day_is_a_day_of_ho_chi_minh_city(void **state)
{
	(void)state;
	int32_t d;
	int64_t t;
	char s[INSTANT_TEXT];
	assert_int_equal(day_parse("2022-05-12", &d), 0);
	assert_int_equal(instant_parse("2022-05-12T16:59:59.999999Z", &t), 0);
	assert_true(day_last_us(d) == t);
	assert_int_equal(day_of(t), d);
	assert_int_equal(day_of(t + 1), d + 1);
	assert_int_equal(instant_parse("2022-05-12T23:59:59.999999+07:00", &t), 0);
	assert_true(day_last_us(d) == t);
	instant_iso(t, s);
	assert_string_equal(s, "2022-05-12T16:59:59.999999Z");
	assert_int_equal(day_parse("2022-02-30", &d), -EINVAL);
	assert_int_equal(day_parse("2022-2-03", &d), -EINVAL);
	assert_int_equal(day_parse("2024-02-29", &d), 0);
	for (int32_t i = 0; i < 100000; i += 17) {
		char iso[DAY_TEXT];
		day_iso(i, iso);
		assert_int_equal(day_parse(iso, &d), 0);
		assert_int_equal(d, i);
	}
}

static void the_first_error_text_wins(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(err_set(&e, -EINVAL, "line %d", 3), -EINVAL);
	err_set(&e, -EIO, "later");
	err_wrap(&e, "units.csv");
	assert_string_equal(e.text, "units.csv: line 3");
	assert_int_equal(e.code, -EINVAL);
}

static void a_file_is_replaced_whole_or_not_at_all(void **state)
{
	(void)state;
	char dir[] = "/tmp/khien-file-XXXXXX";
	assert_non_null(mkdtemp(dir));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct buf b = BUF_INIT(8);
	struct stat st;
	assert_int_equal(file_read(fd, "f", &b), -ENOENT);
	assert_int_equal(file_replace(fd, "f", "old", 3, 0640), 0);
	assert_int_equal(file_replace(fd, "f", "newer", 5, 0600), 0);
	assert_int_equal(file_read(fd, "f", &b), 0);
	assert_string_equal(buf_str(&b), "newer");
	assert_int_equal(file_read(fd, "f", &b), -EMSGSIZE);
	assert_int_equal(fstatat(fd, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	struct rlimit old, none = {3, 3};
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	none.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &none);
	assert_int_equal(file_replace(fd, "f", "longer", 6, 0600), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	buf_clear(&b);
	assert_int_equal(file_read(fd, "f", &b), 0);
	assert_string_equal(buf_str(&b), "newer");
	assert_int_equal(fstatat(fd, ".f.new", &st, 0), -1);
	unlinkat(fd, "f", 0);
	close(fd);
	rmdir(dir);
	buf_release(&b);
}

static int bell(const char *name, char *ret, size_t size)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	memcpy(a.sun_path + 1, name + 1, strlen(name) - 1);
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
	memset(ret, 0, size);
	return fd;
}

static void systemd_hears_what_it_asked_for(void **state)
{
	(void)state;
	char name[64], heard[64], own[16];
	struct notify n;
	snprintf(name, sizeof name, "@khien-test-%d", getpid());
	int fd = bell(name, heard, sizeof heard);
	assert_int_equal(notify_open(&n), 0); /* nobody asked */
	assert_int_equal(notify_next_us(&n), INT64_MAX);
	notify_ready(&n);
	notify_alive(&n, INT64_MAX - 1);
	assert_int_equal(recv(fd, heard, sizeof heard, MSG_DONTWAIT), -1);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "2000000", 1);
	snprintf(own, sizeof own, "%d", getpid());
	setenv("WATCHDOG_PID", own, 1);
	assert_int_equal(notify_open(&n), 0);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	notify_ready(&n);
	assert_int_equal(recv(fd, heard, sizeof heard, MSG_DONTWAIT), 7);
	assert_memory_equal(heard, "READY=1", 7);
	int64_t due = notify_next_us(&n);
	notify_alive(&n, due - 1);
	assert_int_equal(recv(fd, heard, sizeof heard, MSG_DONTWAIT), -1);
	notify_alive(&n, due);
	assert_int_equal(recv(fd, heard, sizeof heard, MSG_DONTWAIT), 10);
	assert_memory_equal(heard, "WATCHDOG=1", 10);
	assert_int_equal(notify_next_us(&n), due + US_PER_S);
	notify_close(&n);
	assert_int_equal(recv(fd, heard, sizeof heard, MSG_DONTWAIT), 10);
	assert_memory_equal(heard, "STOPPING=1", 10);
	notify_close(&n);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "2000000", 1);
	setenv("WATCHDOG_PID", "1", 1); /* another's */
	assert_int_equal(notify_open(&n), 0);
	assert_int_equal(notify_next_us(&n), INT64_MAX);
	notify_close(&n);
	close(fd);
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_open(&n), -ECONNREFUSED);
	notify_ready(&n);
	notify_close(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(buffer_keeps_its_maximum),
	    cmocka_unit_test(whole_numbers_only),
	    cmocka_unit_test(base64_has_one_text_for_one_value),
	    cmocka_unit_test(utf8_is_well_formed_or_not),
	    cmocka_unit_test(a_day_is_a_day_of_ho_chi_minh_city),
	    cmocka_unit_test(the_first_error_text_wins),
	    cmocka_unit_test(a_file_is_replaced_whole_or_not_at_all),
	    cmocka_unit_test(systemd_hears_what_it_asked_for),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
