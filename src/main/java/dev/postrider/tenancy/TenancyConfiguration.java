package dev.postrider.tenancy;

import com.zaxxer.hikari.HikariDataSource;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.transaction.PlatformTransactionManager;

/** Gives routes the transaction policy {@code workspace}. */
@Configuration(proxyBeanMethods = false)
public class TenancyConfiguration {

    @Bean
    WorkspaceTransactionPolicy workspace(
            @Qualifier("tenantTransactions") PlatformTransactionManager transactions,
            @Qualifier("tenant") HikariDataSource tenant) {
        return new WorkspaceTransactionPolicy(transactions, new JdbcTemplate(tenant));
    }
}
