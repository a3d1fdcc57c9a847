#include "metadata/store.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "metadata/file_system.h"
#include "metadata/migrator.h"
#include "metadata/store_parts.h"

namespace stoker::metadata {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kIdleReaders = 4;

Result<void> refuse_network_file_system(const fs::path& folder) {
  struct statfs status{};
  if (statfs(folder.c_str(), &status) != 0) return system_error(folder.string(), errno);
  const auto name = network_file_system(static_cast<std::uint64_t>(status.f_type));
  if (!name) return {};
  return Error{
      .code = ErrorCode::unsupported,
      .message = fmt::format("the store {} is on a network file system ({}), where SQLite's locks cannot be trusted",
                             folder.string(), *name),
      .hint = "choose a store on a local disk with --store or STOKER_STORE"};
}

Result<void> make_folder(const fs::path& folder, const StoreOptions& options) {
  struct stat status{};
  if (stat(folder.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("the store {} is not a folder", folder.string()),
                 .hint = "choose another store with --store"};
  }
  if (errno != ENOENT) return system_error(fmt::format("the store {}", folder.string()), errno);
  if (options.create && !options.read_only) {
    std::error_code failure;
    if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), failure);
    if (!failure && (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST)) return {};
    Error error =
        system_error(fmt::format("cannot make the store {}", folder.string()), failure ? failure.value() : errno);
    if (error.code == ErrorCode::not_found) error.code = ErrorCode::io;  // /proc: the machine's doing, not a wrong name
    if (error.hint.empty()) error.hint = "choose another store with --store or STOKER_STORE";
    return error;
  }
  return Error{
      .code = ErrorCode::not_found,
      .message = fmt::format("there is no store at {}", folder.string()),
      .hint = "the first `stoker run` makes one; `stoker init` makes one for a project; --store names another"};
}

}  // namespace

Result<Database> open_for_reading(const fs::path& file, std::chrono::milliseconds busy_timeout) {
  if (access(file.parent_path().c_str(), W_OK) != 0) {
    // Nobody can write here now, and without a log the file is all there is.
    struct stat log{};
    const auto log_file = file.string() + "-wal";
    if (stat(log_file.c_str(), &log) != 0 || log.st_size == 0)
      return Database::open(file, Access::immutable, busy_timeout);
  }
  return Database::open(file, Access::read_only, busy_timeout);
}

Result<Readers::Lease> Readers::take() {
  auto give = [this](Database* database) { give_back(std::unique_ptr<Database>(database)); };
  {
    auto idle = idle_.lock();
    if (!idle->empty()) {
      auto database = std::move(idle->back());
      idle->pop_back();
      return Lease(database.release(), give);
    }
  }
  TRY_ASSIGN(auto database, open_for_reading(file_, busy_timeout_));
  return Lease(new Database(std::move(database)), give);
}

void Readers::give_back(std::unique_ptr<Database> database) {
  auto idle = idle_.lock();
  if (idle->size() < kIdleReaders) idle->push_back(std::move(database));
}

Result<std::unique_ptr<Store>> Store::open(const fs::path& folder, const StoreOptions& options) {
  TRY(make_folder(folder, options));
  TRY(refuse_network_file_system(folder));
  const auto file = folder / kDatabaseFile;
  const auto migrations = schema_migrations();
  auto parts = std::make_unique<Parts>(folder, options, migrations.back().version);

  auto state = SchemaState::missing;
  if (access(file.c_str(), F_OK) == 0) {
    TRY_ASSIGN(auto reader, parts->readers.take());
    TRY_ASSIGN(state, inspect_schema(*reader, file, migrations));
  } else if (errno != ENOENT) {
    return system_error(fmt::format("the database {}", file.string()), errno);
  }
  if (state == SchemaState::missing && (options.read_only || !options.create)) {
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("the store {} has no database yet", folder.string()),
                 .hint = "the first `stoker run` makes it"};
  }
  if (state == SchemaState::older && options.read_only) {
    return Error{.code = ErrorCode::unsupported,
                 .message = fmt::format("{} was written by an older Stoker and must be migrated first", file.string()),
                 .hint = "run any command that may write to the store"};
  }
  if (state != SchemaState::current) {
    TRY(migrate(file, {migrations, options.busy_timeout, SystemClock().wall_now()}));
  }
  return std::unique_ptr<Store>(new Store(std::move(parts)));
}

Store::Store(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Store::~Store() = default;

const fs::path& Store::folder() const {
  return parts_->folder;
}

Result<std::string> Store::check_integrity() {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  return reader->quick_check();
}

}  // namespace stoker::metadata
