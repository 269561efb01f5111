#include "problem.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct problem_words words[PROBLEM_END] = {
    [PROBLEM_MALFORMED] = {400, "malformed", {"Yêu cầu không đọc được", "The request cannot be read"}},
    [PROBLEM_INVALID] = {400, "invalid", {"Dữ liệu không hợp lệ", "The data is not valid"}},
    [PROBLEM_NO_SESSION] = {401, "no-session",
        {"Chưa đăng nhập, hoặc phiên làm việc đã hết hạn", "Not signed in, or the session has ended"}},
    [PROBLEM_CREDENTIALS] = {401, "credentials", {"Sai tên hoặc mật khẩu", "Wrong name or password"}},
    [PROBLEM_CSRF] = {403, "csrf",
        {"Yêu cầu không đến từ trang quản trị", "The request does not come from the console"}},
    [PROBLEM_FORBIDDEN] = {403, "forbidden", {"Tài khoản không có quyền làm việc này", "The account may not do this"}},
    [PROBLEM_MUST_CHANGE] = {403, "must-change-password",
        {"Cần đổi mật khẩu trước khi làm việc khác", "The password must be changed first"}},
    [PROBLEM_NOT_FOUND] = {404, "not-found", {"Không tìm thấy", "Not found"}},
    [PROBLEM_METHOD] = {405, "method",
        {"Địa chỉ này không nhận phương thức đó", "This address does not take that method"}},
    [PROBLEM_CONFLICT] = {409, "conflict", {"Trùng hoặc trái với dữ liệu đã có", "This conflicts with what is there"}},
    [PROBLEM_TOO_LARGE] = {413, "too-large", {"Yêu cầu quá lớn", "The request is too large"}},
    [PROBLEM_KEY_REUSED] = {422, "idempotency-key",
        {"Khóa Idempotency-Key đã dùng cho yêu cầu khác", "This Idempotency-Key stood before another request"}},
    [PROBLEM_SLOW_DOWN] = {429, "slow-down",
        {"Đăng nhập sai nhiều lần, xin thử lại sau", "Too many failed sign-ins, try again later"}},
    [PROBLEM_INTERNAL] = {500, "internal", {"Máy chủ gặp lỗi", "The server failed"}},
    [PROBLEM_UNAVAILABLE] = {501, "unavailable", {"Máy chủ này không làm việc đó", "This server does not do that"}},
    [PROBLEM_BUSY] = {503, "busy", {"Máy chủ đang bận, xin thử lại", "The server is busy, try again"}},
};

static const struct {
	int r;
	enum problem p;
} meanings[] = {
    {-EINVAL, PROBLEM_INVALID},
    {-ERANGE, PROBLEM_INVALID},
    {-EILSEQ, PROBLEM_INVALID},
    {-ENAMETOOLONG, PROBLEM_INVALID},
    {-EDOM, PROBLEM_INVALID},
    {-ENOENT, PROBLEM_NOT_FOUND},
    {-EEXIST, PROBLEM_CONFLICT},
    {-ENOTEMPTY, PROBLEM_CONFLICT},
    {-ELOOP, PROBLEM_CONFLICT},
    {-EACCES, PROBLEM_FORBIDDEN},
    {-EPERM, PROBLEM_FORBIDDEN},
    {-EMSGSIZE, PROBLEM_TOO_LARGE},
    {-E2BIG, PROBLEM_TOO_LARGE},
    {-EAGAIN, PROBLEM_BUSY},
    {-EBUSY, PROBLEM_BUSY},
    {-ECONNRESET, PROBLEM_BUSY},
    {-ENOSYS, PROBLEM_UNAVAILABLE},
};

const struct problem_words *problem_words(enum problem p)
{
	return &words[p > PROBLEM_NONE && p < PROBLEM_END ? p : PROBLEM_INTERNAL];
}

enum problem problem_of(int r)
{
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
		if (meanings[i].r == r)
			return meanings[i].p;
	return PROBLEM_INTERNAL;
}

/* The weight of a language range in thousandths: 1000 without ";q=", 0 for one that is malformed. */
static int weight(const char *range, size_t n)
{
	const char *q = memmem(range, n, ";q=", 3);
	int w = 0, unit = 1000;

	if (!q)
		return 1000;
	for (const char *p = q + 3; p < range + n && unit; p++) {
		if (*p == '.')
			continue;
		if (*p < '0' || *p > '9')
			return 0;
		w += (*p - '0') * unit;
		unit /= 10;
	}
	return w > 1000 ? 1000 : w;
}

enum language language_of(const char *accept_language)
{
	int best[2] = {0, 0};

	for (const char *p = accept_language; p && *p;) {
		size_t n = strcspn(p, ",");
		const char *range = p + strspn(p, " ");
		size_t left = n - (size_t)(range - p) <= n ? n - (size_t)(range - p) : 0;
		int l = !strncasecmp(range, "vi", 2) ? VIETNAMESE : !strncasecmp(range, "en", 2) ? ENGLISH : -1;
		if (l >= 0 && weight(range, left) > best[l])
			best[l] = weight(range, left);
		p += n + (p[n] == ',');
	}
	return best[ENGLISH] > best[VIETNAMESE] ? ENGLISH : VIETNAMESE;
}
