// SPDX-License-Identifier: Apache-2.0
/* The program that is run to see what running one costs. */
int main(void)
{
	return 0;
}
