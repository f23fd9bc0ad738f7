#include "core/os_error.h"

#include <cerrno>
#include <system_error>

namespace core {

Error os_error(int errnum, std::string_view context) {
  const auto kind = [errnum] {
    switch (errnum) {
      case ENOENT:
        return ErrorKind::NotFound;
      case EEXIST:
        return ErrorKind::Exists;
      case ENOTDIR:
        return ErrorKind::NotDirectory;
      case EISDIR:
        return ErrorKind::IsDirectory;
      case ENOTEMPTY:
        return ErrorKind::NotEmpty;
      case EACCES:
        return ErrorKind::Denied;
      case EPERM:
        return ErrorKind::NotPermitted;
      case EINVAL:
        return ErrorKind::InvalidArgument;
      case ENAMETOOLONG:
        return ErrorKind::NameTooLong;
      case EFBIG:
        return ErrorKind::TooLarge;
      case ENOSPC:
      case EDQUOT:
        return ErrorKind::NoSpace;
      case EROFS:
        return ErrorKind::ReadOnly;
      case EBUSY:
        return ErrorKind::Busy;
      case EXDEV:
        return ErrorKind::CrossDevice;
      case ELOOP:
        return ErrorKind::TooManyLinks;
      case ETIMEDOUT:
        return ErrorKind::Timeout;
      case EINTR:
      case ECANCELED:
        return ErrorKind::Cancelled;
      case ENOTSUP:
        return ErrorKind::Unsupported;
      default:
        return ErrorKind::Io;
    }
  }();
  return fail(kind, std::string(context) + ": " + std::generic_category().message(errnum));
}

}  // namespace core
