/* SPDX-License-Identifier: Apache-2.0 */
/*
 * priv.h on libcap-ng. Layer: io. Owners are changed on open files only and never through a link, so
 * that who owns a folder cannot make us give them another file.
 */
#include "io/priv.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

__attribute__((format(printf, 3, 4))) static int
fail(int err, char why[PRIV_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, PRIV_WHY_MAX, fmt, ap);
	va_end(ap);
	return err;
}

int
priv_find(const char *name, struct priv_user *ret, char why[PRIV_WHY_MAX])
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(name); /* no threads yet */
	if (!pw || strlen(name) >= sizeof(ret->name))
		return fail(NBT_ENOENT, why,
		    "there is no user \"%s\"; make it with \"useradd --system --home-dir "
		    "/nonexistent --shell /usr/sbin/nologin %s\", or name another one in the "
		    "option user",
		    name, name);
	if (pw->pw_uid == 0)
		return fail(NBT_EINVAL, why,
		    "the user \"%s\" is root; name another one in the option user, or nobody "
		    "(\"\") "
		    "to stay root",
		    name);
	*ret = (struct priv_user){ .uid = pw->pw_uid, .gid = pw->pw_gid };
	strcpy(ret->name, name);
	return 0;
}

/* ---- folders ---- */

/* A plain file of root's, with no other name, becomes the user's. */
static bool
give_file(int folder, const char *name, const struct priv_user *user)
{
	int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	bool ok = true;

	if (fd < 0)
		return errno == ENOENT;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == 0)
		ok = fchownat(fd, "", user->uid, user->gid, AT_EMPTY_PATH) == 0;
	close(fd);
	return ok;
}

static bool
is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static bool
give_files(DIR *dir, const struct priv_user *user)
{
	bool ok = true;

	rewinddir(dir);
	for (const struct dirent *e; ok && (e = readdir(dir));)
		ok = is_dots(e->d_name) || give_file(dirfd(dir), e->d_name, user);
	return ok;
}

static bool
is_empty(DIR *dir)
{
	rewinddir(dir);
	for (const struct dirent *e; (e = readdir(dir));)
		if (!is_dots(e->d_name))
			return false;
	return true;
}

static int
give_folder(DIR *dir, const char *path, const struct priv_user *user, char why[PRIV_WHY_MAX])
{
	struct stat st;

	if (fstat(dirfd(dir), &st))
		return fail(NBT_EIO, why, "the folder %s: %s", path, strerror(errno));
	if (st.st_uid == user->uid) {
		if (give_files(dir, user))
			return 0;
		return fail(NBT_EIO, why, "the files in %s cannot be given to %s: %s", path,
		    user->name, strerror(errno));
	}
	if (!is_empty(dir))
		return fail(NBT_EOWNER, why,
		    "the folder %s is not %s's and not empty; if it is to be, run \"chown -R %s: "
		    "%s\"",
		    path, user->name, user->name, path);
	if (fchown(dirfd(dir), user->uid, user->gid))
		return fail(NBT_EIO, why, "the folder %s cannot be given to %s: %s", path,
		    user->name, strerror(errno));
	return 0;
}

int
priv_folder(const char *path, const struct priv_user *user, char why[PRIV_WHY_MAX])
{
	DIR *dir;
	int err = 0;

	if (mkdir(path, 0750) && errno != EEXIST)
		return fail(errno == EACCES ? NBT_EDENIED : NBT_EIO, why,
		    "the folder %s cannot be made: %s", path, strerror(errno));
	dir = opendir(path);
	if (!dir)
		return fail(errno == EACCES ? NBT_EDENIED : NBT_EIO, why,
		    "the folder %s cannot be used: %s", path, strerror(errno));
	if (user)
		err = give_folder(dir, path, user, why);
	closedir(dir);
	return err;
}

/* ---- the change ---- */

static bool
has_no_capabilities(void)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE;
}

static bool
is_for_good(const struct priv_user *user)
{
	uid_t r, e, s;
	gid_t gr, ge, gs;

	return getresuid(&r, &e, &s) == 0 && r == user->uid && e == r && s == r &&
	       getresgid(&gr, &ge, &gs) == 0 && gr == user->gid && ge == gr && gs == gr &&
	       setuid(0) != 0 && seteuid(0) != 0 && has_no_capabilities();
}

static int
become(const struct priv_user *user, char why[PRIV_WHY_MAX])
{
	int flags = CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_AMBIENT, err;

	if (capng_get_caps_process())
		return fail(
		    NBT_EDENIED, why, "the capabilities cannot be read: %s", strerror(errno));
	/* a container may keep it from us, and then the set has nothing in it we could not lose */
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		flags |= CAPNG_CLEAR_BOUNDING;
	capng_clear(CAPNG_SELECT_CAPS);
	err = capng_change_id((int)user->uid, (int)user->gid, (capng_flags_t)flags);
	if (err)
		return fail(NBT_EDENIED, why, "cannot become the user %s (step %d): %s", user->name,
		    -err, strerror(errno));
	if (!is_for_good(user))
		return fail(NBT_EDENIED, why, "became the user %s but root is not out of reach",
		    user->name);
	return 0;
}

/* Started as an ordinary user with capabilities lent by the service manager. */
static int
give_back(char why[PRIV_WHY_MAX])
{
	if (has_no_capabilities())
		return 0;
	capng_clear(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
	if (capng_apply(CAPNG_SELECT_CAPS) || capng_apply(CAPNG_SELECT_AMBIENT) ||
	    !has_no_capabilities())
		return fail(
		    NBT_EDENIED, why, "the capabilities cannot be given up: %s", strerror(errno));
	return 0;
}

int
priv_drop(const struct priv_user *user, char why[PRIV_WHY_MAX])
{
	int err = 0;

	if (user)
		err = become(user, why);
	else if (geteuid() != 0)
		err = give_back(why);
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = fail(
		    NBT_EDENIED, why, "new privileges cannot be ruled out: %s", strerror(errno));
	return err;
}
