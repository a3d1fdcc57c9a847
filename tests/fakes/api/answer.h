// What an API server answers, in its own words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "kube/resource_type.h"
#include "net/http.h"

namespace stoker::fakes {

// A refusal is thrown from wherever it is found and caught in one place: this is test code, and a Result through every
// check would hide what is checked.
struct Refusal {
  net::Response response;
};

// One bad field of an object.
struct Cause {
  std::string reason;  // "FieldValueInvalid"
  std::string field;   // "metadata.name"
  std::string message;
};
using Causes = std::vector<Cause>;

net::Response json_response(int status, const json::value& body);
net::Response text_response(int status, std::string body);
// A Status of failure; `details` may be empty.
json::object status_object(int code, std::string_view reason, std::string_view message, json::object details = {});
Refusal refusal(int code, std::string_view reason, std::string_view message, json::object details = {});

// "configmaps", "networkpolicies.networking.k8s.io".
std::string qualified(const kube::ResourceType& type);
json::object details_of(const kube::ResourceType& type, std::string_view name);

Refusal not_found(const kube::ResourceType& type, std::string_view name);
Refusal no_such_resource();
Refusal method_not_allowed();
Refusal already_exists(const kube::ResourceType& type, std::string_view name);
Refusal modified(const kube::ResourceType& type, std::string_view name);
Refusal bad_request(std::string_view message);
// `group`, `kind`, `name`: what is invalid.
Refusal invalid(std::string_view group, std::string_view kind, std::string_view name, const Causes& causes);
Refusal invalid(const kube::ResourceType& type, std::string_view name, const Causes& causes);
Refusal forbidden(const kube::ResourceType& type, std::string_view name, std::string_view why);
Refusal server_error(std::string_view message);
Refusal expired(std::string_view message);

Cause invalid_value(std::string field, const std::string& quoted_value, const std::string& why);
Cause required(std::string field, std::string_view why = {});
// A whole number of a query. Throws a Refusal (400).
std::int64_t number_in(const std::string& text);
// "\"a\"" of a.
std::string quoted(std::string_view text);

}  // namespace stoker::fakes
