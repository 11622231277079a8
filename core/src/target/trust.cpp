// Owner and mode of a file and its folder, in the manner of sshd's StrictModes. A group that
// consists of the user alone is the user.
#include "target/trust.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

namespace neurotool {
namespace {

namespace fs = std::filesystem;

/// Many systems give each user a group of the same name and let it write by default.
bool is_private_group(gid_t group) {
  std::vector<char> user_text(1 << 14), group_text(1 << 14);
  passwd user_entry{}, *user = nullptr;
  struct group group_entry {
  }, *found = nullptr;
  getpwuid_r(geteuid(), &user_entry, user_text.data(), user_text.size(), &user);
  getgrgid_r(group, &group_entry, group_text.data(), group_text.size(), &found);
  if (user == nullptr || found == nullptr || user->pw_gid != group) return false;
  const std::string name = user->pw_name;
  if (name != found->gr_name) return false;
  for (char** member = found->gr_mem; *member != nullptr; ++member) {
    if (name != *member) return false;
  }
  return true;
}

Result<> check_one(const fs::path& path, const struct stat& entry) {
  const uid_t user = geteuid();
  if (entry.st_uid != 0 && entry.st_uid != user) {
    return error("target.untrusted", {},
                 fmt::format("'{}' belongs to user {}; a plugin and its folder must belong to root "
                             "or to you (user {})",
                             path.string(), entry.st_uid, user),
                 fmt::format("if you trust it: chown {} '{}'", user, path.string()));
  }
  const bool by_all = (entry.st_mode & S_IWOTH) != 0;
  const bool by_group = (entry.st_mode & S_IWGRP) != 0 && !is_private_group(entry.st_gid);
  if (by_all || by_group) {
    return error(
        "target.untrusted", {},
        fmt::format("'{}' is writable by {} (mode {:o}), who could put any code there",
                    path.string(), by_all ? "everybody" : "its group", entry.st_mode & 07777),
        fmt::format("chmod go-w '{}'", path.string()));
  }
  return {};
}

Result<struct stat> status_of(const fs::path& path) {
  struct stat entry {};
  if (stat(path.c_str(), &entry) == 0) return entry;
  return error("target.untrusted", {},
               fmt::format("cannot look at '{}': {}", path.string(),
                           std::generic_category().message(errno)));
}

}  // namespace

Result<> check_trust(const fs::path& file) {
  NT_TRY(const struct stat entry, status_of(file));
  if (!S_ISREG(entry.st_mode)) {
    return error("target.untrusted", {}, fmt::format("'{}' is not a regular file", file.string()));
  }
  NT_TRY_VOID(check_one(file, entry));
  NT_TRY(const struct stat folder, status_of(file.parent_path()));
  return check_one(file.parent_path(), folder);
}

}  // namespace neurotool
