#pragma once
// What RAM and OSS name, in the words of AWS's IAM.
#include <string>
#include <string_view>

#include "emulator/account/condition.h"

namespace emulator {

/// "oss:ListObjects" is "s3:ListBucket"; what has no other name keeps it, as S3's.
std::string iam_action(std::string_view ram_action);
std::string_view iam_service(std::string_view ram_service);
/// "oss:Prefix" is "s3:prefix", "acs:SourceIp" "aws:SourceIp".
ConditionValues iam_values(const ConditionValues& values);
/// "acs:ram::ACCOUNT:role/NAME" is "arn:aws:iam::ACCOUNT:role/NAME"; sessions belong to STS.
std::string iam_arn(std::string_view ram_arn);

}  // namespace emulator
