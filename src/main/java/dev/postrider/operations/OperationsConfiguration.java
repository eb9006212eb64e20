package dev.postrider.operations;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.zaxxer.hikari.HikariDataSource;
import dev.postrider.retention.PartitionRoutine;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** What operators act with: the role that works across workspaces. */
@Configuration(proxyBeanMethods = false)
public class OperationsConfiguration {

    @Bean
    DeadLetterOperations deadLetterOperations(
            @Qualifier("operator") HikariDataSource operator,
            @Qualifier("operatorTransactions") PlatformTransactionManager transactions) {
        return new DeadLetterOperations(new JdbcTemplate(operator), new TransactionTemplate(transactions));
    }

    @Bean
    QueueOperations queueOperations(
            @Qualifier("operator") HikariDataSource operator,
            @Qualifier("operatorTransactions") PlatformTransactionManager transactions) {
        return new QueueOperations(new JdbcTemplate(operator), new TransactionTemplate(transactions));
    }

    @Bean
    BookOperations bookOperations(
            @Qualifier("operator") HikariDataSource operator,
            @Qualifier("operatorTransactions") PlatformTransactionManager transactions) {
        return new BookOperations(new JdbcTemplate(operator), new TransactionTemplate(transactions));
    }

    @Bean
    RetentionOperations retentionOperations(
            @Qualifier("operator") HikariDataSource operator,
            @Qualifier("operatorTransactions") PlatformTransactionManager transactions,
            PartitionRoutine routine) {
        return new RetentionOperations(new JdbcTemplate(operator), new TransactionTemplate(transactions), routine);
    }

    @Bean
    AuditTrail auditTrail(
            @Qualifier("operator") HikariDataSource operator,
            @Qualifier("operatorTransactions") PlatformTransactionManager transactions,
            ObjectMapper mapper) {
        return new AuditTrail(new JdbcTemplate(operator), new TransactionTemplate(transactions), mapper);
    }
}
