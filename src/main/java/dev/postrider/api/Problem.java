package dev.postrider.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/**
 * An error as RFC 9457 describes it, {@code application/problem+json}.
 *
 * @param detail what happened, to what, and what to do
 * @param errors the fields at fault, if fields are
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Problem(String title, int status, String detail, List<Field> errors) {

    public static final String MEDIA_TYPE = "application/problem+json";

    /**
     * A field at fault.
     *
     * @param field its name, as a path such as {@code redeliveryPolicy.redeliveryDelay}
     */
    public record Field(String field, String message) {}

    public static Problem of(int status, String detail) {
        return new Problem(titleOf(status), status, detail, List.of());
    }

    public static Problem of(int status, String detail, List<Field> errors) {
        return new Problem(titleOf(status), status, detail, errors);
    }

    @JsonProperty("type")
    public String type() {
        return "about:blank";
    }

    private static String titleOf(int status) {
        return switch (status) {
            case 400 -> "Bad Request";
            case 401 -> "Unauthorized";
            case 403 -> "Forbidden";
            case 404 -> "Not Found";
            case 405 -> "Method Not Allowed";
            case 409 -> "Conflict";
            case 413 -> "Content Too Large";
            case 415 -> "Unsupported Media Type";
            case 429 -> "Too Many Requests";
            case 503 -> "Service Unavailable";
            default -> "Internal Server Error";
        };
    }
}
