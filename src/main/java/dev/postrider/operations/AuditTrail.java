package dev.postrider.operations;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.database.SqlFile;
import java.util.Map;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.transaction.support.TransactionTemplate;

/** Records what an operator did that concerns no workspace. */
public final class AuditTrail {

    private static final String ENTER = SqlFile.read("queries/operations/enter-no-workspace.sql");

    private final JdbcTemplate operator;
    private final TransactionTemplate transaction;
    private final ObjectMapper mapper;

    AuditTrail(JdbcTemplate operator, TransactionTemplate transaction, ObjectMapper mapper) {
        this.operator = operator;
        this.transaction = transaction;
        this.mapper = mapper;
    }

    /** Who acts: the login of the console, or the JVM's own JMX. */
    static String actor() {
        Authentication login = SecurityContextHolder.getContext().getAuthentication();
        return login == null ? "jmx" : "operator:" + login.getName();
    }

    /** @param what is written as JSON */
    public void record(String eventType, Map<String, ?> what) {
        String payload = json(what);
        transaction.executeWithoutResult(status -> {
            operator.query(ENTER, row -> {}, actor());
            operator.query("select postrider.audit(?, ?)", row -> {}, eventType, payload);
        });
    }

    private String json(Map<String, ?> what) {
        try {
            return mapper.writeValueAsString(what);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("What an operator did cannot be written as JSON: " + what, e);
        }
    }
}
