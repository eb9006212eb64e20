package dev.postrider.analytics;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.database.SqlFile;
import java.sql.SQLException;
import java.util.Map;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.boot.actuate.endpoint.web.annotation.WebEndpoint;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.core.JdbcTemplate;

/**
 * Tells operators how the last 180 days went, over all workspaces: numbers only, no tenant's rows.
 *
 * <p>May be called by any thread; one at a time asks the database, because it reads much.
 */
@WebEndpoint(id = "figures")
public final class FiguresEndpoint {

    private static final String FIGURES = SqlFile.read("queries/analytics/figures.sql");
    private static final String CANCELLED = "57014";

    private final JdbcTemplate analyst;
    private final FiguresPage page;
    private final ObjectMapper mapper;

    FiguresEndpoint(JdbcTemplate analyst, FiguresPage page, ObjectMapper mapper) {
        this.analyst = analyst;
        this.page = page;
        this.mapper = mapper;
    }

    /** The figures; or 503 and why there are none now. */
    @ReadOperation(producesFrom = FiguresFormat.class)
    public synchronized WebEndpointResponse<String> figures(FiguresFormat format) {
        try {
            String figures = analyst.queryForObject(FIGURES, String.class);
            return answer(format, figures, WebEndpointResponse.STATUS_OK);
        } catch (DataAccessException e) {
            String reason = reason(NestedExceptionUtils.getMostSpecificCause(e));
            return answer(
                    format,
                    mapper.valueToTree(Map.of("error", reason)).toString(),
                    WebEndpointResponse.STATUS_SERVICE_UNAVAILABLE);
        }
    }

    private String reason(Throwable cause) {
        if (cause instanceof SQLException e && CANCELLED.equals(e.getSQLState())) {
            return "The figures took longer than %d s, or somebody cancelled the query."
                    .formatted(analyst.getQueryTimeout());
        }
        return String.valueOf(cause.getMessage());
    }

    private WebEndpointResponse<String> answer(FiguresFormat format, String json, int status) {
        String body = format == FiguresFormat.JSON ? json : page.of(parse(json));
        return new WebEndpointResponse<>(body, status, format.getProducedMimeType());
    }

    private JsonNode parse(String json) {
        try {
            return mapper.readTree(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("PostgreSQL made JSON that is none", e);
        }
    }
}
