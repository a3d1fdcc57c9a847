// The ConfigMap that all objects of a submission hang on, while it is unfinished: who may change it, and how.
//
//   made (label unfinished, deadline, for which plan) ──▶ finished: owned by the driver's pod, marks gone
//      │  ▲ renewed by whoever joins
//      ▼
//   closed: nobody joins any more ──▶ removed, after all that hangs on it
//
// Changes name the object that was seen, by its uid and resource version: of those who mean to join, close or finish
// the same anchor one comes first, and the others see that it has changed. What is closed is finished by no one but who
// has closed it.
#pragma once

#include <optional>
#include <string>

#include "codec/json.h"
#include "kube/client.h"

namespace stoker::submission {

bool is_unfinished(const json::object& anchor);
bool is_closed(const json::object& anchor);
// Being deleted.
bool is_going(const json::object& object);
// Of its first owner; "" without one.
std::string owner_uid(const json::object& object);
kube::ObjectPath path_of(const json::object& object);  // of one that the server has sent

// The anchor as it is then; none when it is not the one any more that was seen. `attempt` is who does it.
Result<std::optional<json::object>> renew_anchor(const runtime::Context& context, const kube::Client& client,
                                                 const json::object& anchor, const std::string& deadline,
                                                 const std::string& attempt);
Result<std::optional<json::object>> close_anchor(const runtime::Context& context, const kube::Client& client,
                                                 const json::object& anchor, const std::string& attempt);
// Gives it its owner and ends its being unfinished, although it may have been renewed since it was seen. False when it
// is gone, or somebody has closed it since.
Result<bool> finish_anchor(const runtime::Context& context, const kube::Client& client, const json::object& anchor,
                           const json::object& driver);

// Removes this very object, and no other of its name; `unchanged`: if nobody has changed it since. What is gone or
// another one by now is no error.
enum class If { there, unchanged };
Result<void> remove_exactly(const runtime::Context& context, const kube::Client& client, const json::object& object,
                            If condition = If::there);

}  // namespace stoker::submission
