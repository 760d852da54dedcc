// Functions that read a single JSON value, for example to learn whether the value is an error status from 400 to 599.
#include "values.h"

void read_code(ondemand::value &value, cjson_integer &out) noexcept {
    ondemand::json_type type;
    if (value.type().get(type) != SUCCESS) return;
    if (type == ondemand::json_type::number) {
        out.present = value.get_int64().get(out.value) == SUCCESS;
    } else if (type == ondemand::json_type::string) {
        string_view view = raw_text(value);
        if (view.empty() || view.size() > 9) return;
        int64_t number = 0;
        for (char digit : view) {
            if (digit < '0' || digit > '9') return;
            number = number * 10 + (digit - '0');
        }
        out = {true, number};
    }
}

bool is_failure(ondemand::value &value) noexcept {
    cjson_integer status = {};
    read_code(value, status);
    return status.present && status.value >= 400 && status.value < 600;
}

bool is_truthy(ondemand::value &value) noexcept {
    ondemand::json_type type;
    if (value.type().get(type) != SUCCESS) return false;
    switch (type) {
    case ondemand::json_type::string: return value.raw_json_token()[1] != '"';
    case ondemand::json_type::array: {
        ondemand::array array;
        bool empty = true;
        return value.get_array().get(array) == SUCCESS && array.is_empty().get(empty) == SUCCESS && !empty;
    }
    case ondemand::json_type::object: {
        ondemand::object object;
        bool empty = true;
        return value.get_object().get(object) == SUCCESS && object.is_empty().get(empty) == SUCCESS && !empty;
    }
    case ondemand::json_type::number: {
        double number;
        return value.get_double().get(number) == SUCCESS && number != 0;
    }
    case ondemand::json_type::boolean: {
        bool truth;
        return value.get_bool().get(truth) == SUCCESS && truth;
    }
    default: return false;
    }
}
