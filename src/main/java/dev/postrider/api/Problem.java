package dev.postrider.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import org.springframework.http.HttpStatus;

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
        if (status == 413) {
            return "Content Too Large"; // as RFC 9110 has it
        }
        HttpStatus known = HttpStatus.resolve(status);
        return known == null ? "Error" : known.getReasonPhrase();
    }
}
