// Client of a Py4J gateway: calls into a Spark JVM, one at a time, with deadlines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workers/loopback_socket.h"
#include "workers/py4j_codec.h"

namespace stoker::workers::py4j {

struct GatewayAddress {
  std::uint16_t port = 0;
  std::string secret;
};

// One connection. Not thread-safe. After an error of the connection (not of a call) it is broken, since an answer might
// still be on its way.
class Client {
 public:
  static Result<Client> connect(const GatewayAddress& address, const runtime::Context& context, const Clock& clock);

  Result<Answer> request(const std::string& command, const runtime::Context& context);
  // The object's gateway id is freed before the next request.
  void release_later(Reference object) { garbage_.push_back(std::move(object)); }
  bool broken() const { return broken_; }

 private:
  Client(LoopbackSocket socket, const Clock& clock) : socket_(std::move(socket)), clock_(&clock) {}
  Result<Answer> round_trip(const std::string& command, const runtime::Context& context);

  LoopbackSocket socket_;
  const Clock* clock_;
  std::vector<Reference> garbage_;
  bool broken_ = false;
};

// A group of calls with one deadline. The objects that they return live until its end, but for those that were kept.
//
// An exception in the JVM is an error of code `internal` whose message is "java.lang.Class: text" (the first line of
// its stack trace).
class Calls {
 public:
  Calls(Client& client, runtime::Context context) : client_(client), context_(std::move(context)) {}
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  ~Calls();

  Result<Value> call(const Reference& target, std::string_view method, const Arguments& arguments = {});
  Result<Value> call_static(std::string_view class_name, std::string_view method, const Arguments& arguments = {});
  Result<Reference> construct(std::string_view class_name, const Arguments& arguments = {});
  Result<Value> field(const Reference& target, std::string_view name);
  Result<Value> static_field(std::string_view class_name, std::string_view name);
  // The instance of a Scala object: Foo$.MODULE$.
  Result<Reference> scala_object(std::string_view class_name);
  Result<std::int32_t> array_length(const Reference& array);
  Result<Value> array_item(const Reference& array, std::int32_t index);

  // The same calls, when the type of what they return is known; another type is an error of code `corrupt`.
  Result<Reference> object(const Reference& target, std::string_view method, const Arguments& arguments = {});
  Result<Reference> static_object(std::string_view class_name, std::string_view method,
                                  const Arguments& arguments = {});
  Result<bool> flag(const Reference& target, std::string_view method, const Arguments& arguments = {});
  Result<std::int64_t> number(const Reference& target, std::string_view method, const Arguments& arguments = {});
  // "" for null.
  Result<std::string> text(const Reference& target, std::string_view method, const Arguments& arguments = {});

  // Outlives this group; the caller releases it.
  void keep(const Reference& object);

 private:
  Result<Value> run(const std::string& command);

  Client& client_;
  runtime::Context context_;
  std::vector<Reference> made_;
};

Result<Reference> as_object(Result<Value> value);
Result<std::int64_t> as_number(Result<Value> value);
Result<bool> as_flag(Result<Value> value);
Result<std::string> as_text(Result<Value> value);

}  // namespace stoker::workers::py4j
