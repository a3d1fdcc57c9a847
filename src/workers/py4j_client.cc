#include "workers/py4j_client.h"

#include <algorithm>

#include "base/overloaded.h"

namespace stoker::workers::py4j {

namespace {

constexpr std::size_t kExceptionLineBytes = 1000;

Error unexpected_type(std::string_view wanted) {
  return Error{.code = ErrorCode::corrupt, .message = "the JVM returned something other than " + std::string(wanted)};
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, std::min(text.find('\n'), kExceptionLineBytes)));
}

}  // namespace

Result<Client> Client::connect(const GatewayAddress& address, const runtime::Context& context, const Clock& clock) {
  TRY_ASSIGN(LoopbackSocket socket, LoopbackSocket::connect(address.port));
  Client client(std::move(socket), clock);
  TRY_ASSIGN(Answer answer, client.round_trip(encode_authentication(address.secret), context));
  if (!std::holds_alternative<Returned>(answer)) {
    return Error{.code = ErrorCode::permission, .message = "the gateway of the JVM did not accept the secret"};
  }
  return client;
}

Result<Answer> Client::round_trip(const std::string& command, const runtime::Context& context) {
  if (broken_) return Error{.code = ErrorCode::unavailable, .message = "the connection to the JVM is broken"};
  broken_ = true;  // until the answer is here
  TRY(socket_.send(command, context, *clock_));
  TRY_ASSIGN(std::string line, socket_.receive_line(kMaximumAnswerBytes, context, *clock_));
  TRY_ASSIGN(Answer answer, decode_answer(line));
  broken_ = false;
  return answer;
}

Result<Answer> Client::request(const std::string& command, const runtime::Context& context) {
  for (auto garbage = std::exchange(garbage_, {}); const auto& object : garbage) {
    TRY(round_trip(encode_release(object), context));
  }
  return round_trip(command, context);
}

Calls::~Calls() {
  for (auto& object : made_)
    client_.release_later(std::move(object));
}

Result<Value> Calls::run(const std::string& command) {
  TRY_ASSIGN(Answer answer, client_.request(command, context_));
  if (auto* returned = std::get_if<Returned>(&answer)) {
    if (auto* object = std::get_if<Reference>(&returned->value)) made_.push_back(*object);
    return std::move(returned->value);
  }
  if (auto* refused = std::get_if<Refused>(&answer)) {
    return Error{.code = ErrorCode::internal, .message = first_line(refused->message)};
  }
  Reference exception = std::get<Threw>(answer).exception;
  made_.push_back(exception);
  TRY_ASSIGN(Answer trace, client_.request(encode_stack_trace(exception), context_));
  auto* printed = std::get_if<Returned>(&trace);
  auto* text = printed ? std::get_if<std::string>(&printed->value) : nullptr;
  return Error{.code = ErrorCode::internal, .message = text ? first_line(*text) : "an exception in the JVM"};
}

Result<Value> Calls::call(const Reference& target, std::string_view method, const Arguments& arguments) {
  return run(encode_call(target, method, arguments)).with_context(std::string(method));
}

Result<Value> Calls::call_static(std::string_view class_name, std::string_view method, const Arguments& arguments) {
  return run(encode_static_call(class_name, method, arguments))
      .with_context(std::string(class_name) + "." + std::string(method));
}

Result<Reference> Calls::construct(std::string_view class_name, const Arguments& arguments) {
  return as_object(run(encode_constructor(class_name, arguments))).with_context("new " + std::string(class_name));
}

Result<Value> Calls::field(const Reference& target, std::string_view name) {
  return run(encode_field(target, name)).with_context(std::string(name));
}

Result<Value> Calls::static_field(std::string_view class_name, std::string_view name) {
  return run(encode_static_field(class_name, name)).with_context(std::string(class_name) + "." + std::string(name));
}

Result<Reference> Calls::scala_object(std::string_view class_name) {
  return as_object(static_field(std::string(class_name) + "$", "MODULE$"));
}

Result<std::int32_t> Calls::array_length(const Reference& array) {
  TRY_ASSIGN(std::int64_t length, as_number(run(encode_array_length(array))));
  return static_cast<std::int32_t>(length);
}

Result<Value> Calls::array_item(const Reference& array, std::int32_t index) {
  return run(encode_array_item(array, index));
}

Result<Reference> Calls::object(const Reference& target, std::string_view method, const Arguments& arguments) {
  return as_object(call(target, method, arguments)).with_context(std::string(method));
}

Result<Reference> Calls::static_object(std::string_view class_name, std::string_view method,
                                       const Arguments& arguments) {
  return as_object(call_static(class_name, method, arguments));
}

Result<bool> Calls::flag(const Reference& target, std::string_view method, const Arguments& arguments) {
  return as_flag(call(target, method, arguments));
}

Result<std::int64_t> Calls::number(const Reference& target, std::string_view method, const Arguments& arguments) {
  return as_number(call(target, method, arguments));
}

Result<std::string> Calls::text(const Reference& target, std::string_view method, const Arguments& arguments) {
  return as_text(call(target, method, arguments));
}

void Calls::keep(const Reference& object) {
  std::erase(made_, object);
}

Result<Reference> as_object(Result<Value> value) {
  TRY(value);
  if (auto* reference = std::get_if<Reference>(&*value)) return *reference;
  return unexpected_type("an object");
}

Result<std::int64_t> as_number(Result<Value> value) {
  TRY(value);
  if (auto* narrow = std::get_if<std::int32_t>(&*value)) return std::int64_t{*narrow};
  if (auto* wide = std::get_if<std::int64_t>(&*value)) return *wide;
  return unexpected_type("an integer");
}

Result<bool> as_flag(Result<Value> value) {
  TRY(value);
  if (auto* flag = std::get_if<bool>(&*value)) return *flag;
  return unexpected_type("a boolean");
}

Result<std::string> as_text(Result<Value> value) {
  TRY(value);
  if (auto* text = std::get_if<std::string>(&*value)) return *text;
  if (std::holds_alternative<std::monostate>(*value)) return std::string();
  return unexpected_type("a string");
}

}  // namespace stoker::workers::py4j
