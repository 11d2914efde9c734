/*
 * A backend of the name service switch that does as a script says, read anew at each call: one line a function,
 * `passwd`, `initgroups` or `group`, then what becomes of it:
 *
 *   ok            it answers
 *   hang          it waits until the script says something else
 *   down          it fails as a service that is not there does: unavailable, no error that tells
 *   range         it asks for more room than it ever gets
 *   refused       it fails with ECONNREFUSED
 *   interrupted   two calls of three are interrupted
 *   mute          it says that there is nothing of that kind
 *
 * People are d0, d1, … with uid 70000 + number, primary group 60000 and a GECOS field of `gecos` bytes. Everybody of
 * them, and `local`, is in the groups 60000 … 60000 + `groups`; group 60000 + n is called `g<n>`, for n = `twin` as the
 * one before, and has no name for n = `nameless`.
 */
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_UID = 70000, FIRST_GID = 60000, PEOPLE = 1000 };

static atomic_uint calls;

static _Thread_local char text[512];

/* Reads the script, where it is another than the last time. */
static void look(void)
{
    static _Thread_local struct stat last;
    struct stat now;
    if (stat(SCRIPT, &now) == 0 && now.st_ino == last.st_ino
        && memcmp(&now.st_mtim, &last.st_mtim, sizeof now.st_mtim) == 0)
        return;
    text[0] = '\0';
    FILE *script = fopen(SCRIPT, "re");
    if (script == NULL)
        return;
    text[fread(text, 1, sizeof text - 1, script)] = '\0';
    fclose(script);
    last = now;
}

/* Finds the word behind a key of the script. */
static void word(const char *key, char *value, size_t size)
{
    char name[32], read[32];
    snprintf(value, size, "%s", "ok");
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += strspn(line, "\n");
        if (sscanf(line, "%31s %31s", name, read) == 2 && strcmp(name, key) == 0)
            snprintf(value, size, "%s", read);
    }
}

static long number(const char *key)
{
    char value[32];
    word(key, value, sizeof value);
    return strcmp(value, "ok") == 0 ? -1 : strtol(value, NULL, 10);
}

/* Does what the script says of a function; success means that it is to answer. */
static enum nss_status act(const char *function, int *errnop)
{
    char what[32];
    for (look(), word(function, what, sizeof what); strcmp(what, "hang") == 0; word(function, what, sizeof what)) {
        usleep(20000);
        look();
    }
    *errnop = ENOENT;
    if (strcmp(what, "down") == 0)
        return NSS_STATUS_UNAVAIL;
    if (strcmp(what, "range") == 0) {
        *errnop = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    if (strcmp(what, "mute") == 0)
        return NSS_STATUS_NOTFOUND;
    if (strcmp(what, "refused") == 0) {
        *errnop = ECONNREFUSED;
        return NSS_STATUS_UNAVAIL;
    }
    if (strcmp(what, "interrupted") == 0 && atomic_fetch_add(&calls, 1) % 3 != 2) {
        *errnop = EINTR;
        return NSS_STATUS_TRYAGAIN;
    }
    *errnop = 0;
    return NSS_STATUS_SUCCESS;
}

static enum nss_status too_small(int *errnop)
{
    *errnop = ERANGE;
    return NSS_STATUS_TRYAGAIN;
}

static enum nss_status fill(long n, struct passwd *user, char *buffer, size_t size, int *errnop)
{
    long gecos = number("gecos");
    if (gecos < 0)
        gecos = 0;
    if (size < 64 + (size_t)gecos)
        return too_small(errnop);
    int name = snprintf(buffer, 32, "d%ld", n) + 1;
    memset(buffer + name, 'x', gecos);
    buffer[name + gecos] = '\0';
    *user = (struct passwd){.pw_name = buffer, .pw_passwd = "x", .pw_uid = FIRST_UID + n, .pw_gid = FIRST_GID,
                            .pw_gecos = buffer + name, .pw_dir = "/", .pw_shell = "/bin/sh"};
    return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_scripted_getpwnam_r(const char *name, struct passwd *user, char *buffer, size_t size, int *errnop)
{
    enum nss_status status = act("passwd", errnop);
    if (status != NSS_STATUS_SUCCESS)
        return status;
    char *end = NULL;
    long n = name[0] == 'd' ? strtol(name + 1, &end, 10) : -1;
    if (n < 0 || n >= PEOPLE || end == name + 1 || *end != '\0')
        return NSS_STATUS_NOTFOUND;
    return fill(n, user, buffer, size, errnop);
}

enum nss_status _nss_scripted_getpwuid_r(uid_t uid, struct passwd *user, char *buffer, size_t size, int *errnop)
{
    enum nss_status status = act("passwd", errnop);
    if (status != NSS_STATUS_SUCCESS)
        return status;
    if (uid < FIRST_UID || uid >= FIRST_UID + PEOPLE)
        return NSS_STATUS_NOTFOUND;
    return fill((long)uid - FIRST_UID, user, buffer, size, errnop);
}

enum nss_status _nss_scripted_initgroups_dyn(const char *name, gid_t primary, long *start, long *size, gid_t **gids,
                                             long limit, int *errnop)
{
    enum nss_status status = act("initgroups", errnop);
    if (status != NSS_STATUS_SUCCESS)
        return status;
    if (name[0] != 'd' && strcmp(name, "local") != 0)
        return NSS_STATUS_NOTFOUND;
    long many = number("groups");
    for (long n = 0; n <= many; n++) {
        if (FIRST_GID + (gid_t)n == primary)
            continue;
        if (*start == *size) {
            gid_t *grown = limit > 0 && *size >= limit ? NULL : realloc(*gids, 2 * *size * sizeof **gids);
            if (grown == NULL)
                break;
            *gids = grown;
            *size *= 2;
        }
        (*gids)[(*start)++] = FIRST_GID + n;
    }
    return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_scripted_getgrgid_r(gid_t gid, struct group *group, char *buffer, size_t size, int *errnop)
{
    static char *nobody[] = {NULL};
    enum nss_status status = act("group", errnop);
    if (status != NSS_STATUS_SUCCESS)
        return status;
    long n = (long)gid - FIRST_GID;
    if (n < 0 || n > 100000 || n == number("nameless"))
        return NSS_STATUS_NOTFOUND;
    if (size < 32)
        return too_small(errnop);
    snprintf(buffer, size, "g%ld", n == number("twin") ? n - 1 : n);
    *group = (struct group){.gr_name = buffer, .gr_passwd = "x", .gr_gid = gid, .gr_mem = nobody};
    return NSS_STATUS_SUCCESS;
}
